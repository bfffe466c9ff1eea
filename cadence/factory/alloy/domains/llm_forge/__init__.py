"""The domain `llm-forge`: language models are pruned, trained, measured and shipped. The default domain.

Pure: no clock, no files.
"""

from __future__ import annotations

from cadence.factory.alloy.domain import DOMAINS, Domain
from cadence.factory.alloy.domains.llm_forge import experts, training
from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
from cadence.factory.alloy.domains.llm_forge.rules import RULES

STAGES = (
    training.SourceConfig,
    training.ContextExtend,
    training.Modality,
    training.Prune,
    training.Train,
    training.Lora,
    training.Compact,
    training.Quant,
    training.Eval,
    training.Publish,
    training.Deliver,
    training.Package,
    training.Deploy,
    training.Recover,
    experts.ExpertActivationProfile,
    experts.ExpertPrune,
    experts.CompensationLora,
    experts.ManyWorldsSubstrate,
    experts.ManyWorldsAdapter,
    experts.TeamSearch,
    experts.ManyWorldsEnsemble,
    experts.GateProfile,
    experts.PopulationPrune,
    experts.CvIngest,
    experts.CvEval,
)
INPUT = ("source-config", "context-extend", "modality")
DELIVERY = ("quant", "package", "eval", "deliver", "publish", "deploy")

DOMAIN = DOMAINS.register(
    Domain(
        id="llm-forge",
        version="1.0.0",
        type_byte="0x01",
        stages=STAGES,
        root=ForgeAlloy,
        rules=RULES,
        phases={**dict.fromkeys(INPUT, "input"), **dict.fromkeys(DELIVERY, "delivery")},
    )
)
