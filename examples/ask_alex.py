"""Asks Alex what a room said, with the `openai` package: python examples/ask_alex.py ROOM SITE TOKEN QUESTION"""

import sys

from openai import OpenAI

room, site, token, question = sys.argv[1:]
client = OpenAI(base_url=f"{site}/v1", api_key=token)
answer = client.chat.completions.create(
    model=f"alex/{room}",
    messages=[{"role": "user", "content": question}],
    max_tokens=160,
    stream=True,
)
for chunk in answer:
    if chunk.choices and chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content, end="", flush=True)
print()
