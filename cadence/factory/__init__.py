"""The factory: profile, plan and surgery of mixture-of-experts models."""
