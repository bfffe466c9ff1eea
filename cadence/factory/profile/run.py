"""A profiling run: batches of a cut corpus through a model, with the sums kept on disk as it goes.

A run may be cut into parts for several machines, at the borders of batches, so that each token is computed in the same
company and the parts add up to the bytes of the whole. A run that was ended half way goes on where its last save was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch

from cadence.factory.families import family_of
from cadence.factory.loading import first_line, load_model
from cadence.factory.profile.corpus import Corpus, Cut, cut
from cadence.factory.profile.listen import ROWS_MAX, Listener
from cadence.factory.profile.sums import Layer, NotFiniteError, Profile, ProfileError, Subject, Tally, Text, parts
from cadence.factory.profile.weights import aimer, router_l2
from cadence.factory.surgery.copying import check_finite, durable, write_all
from cadence.models.shards import CONFIG_FILE, read_checkpoint, read_config

SAVE_BATCHES = 16  # between two saves: what a kill costs at most
WINDOW_BYTES = 64 * 2**20  # of a tensor at once, when a NaN is looked for

Progress = Callable[[int, int], None]  # batches done, of how many


def subject_of(folder: Path, name: str, dtype: str) -> Subject:
    """What the profile says of the checkpoint in `folder`. CheckpointError where it is not whole or not known."""
    read_checkpoint(folder)  # gaps and damage are found here, by name, before torch meets them
    config = read_config(folder)
    routing = family_of(config).routing(config)
    packed = config.get("quantization_config") or {}
    return Subject(
        family=str(config["model_type"]),
        name=name,
        config_sha256=hashlib.sha256((folder / CONFIG_FILE).read_bytes()).hexdigest(),
        dtype=dtype,
        quantised=str(packed.get("quant_method", "unknown")) if packed else None,
        experts=routing.experts,
        top_k=routing.top_k,
        groups=routing.groups,
        groups_used=routing.groups_used,
        group_best=routing.group_best,
    )


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in `folder`; no code from the folder runs. ProfileError where there is none."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (ValueError, OSError, ImportError, KeyError) as error:
        raise ProfileError(f"no tokenizer in {folder.name}: {first_line(error)}; copy it from where it is") from None


def measure(
    folder: Path,
    corpus: Corpus,
    *,
    name: str,
    benchmark_sha256: str | None,
    length: int,
    batch: int,
    part: tuple[int, int],
    device: str,
    dtype: str,
    kept: Path,
    progress: Progress,
) -> Profile:
    """Profile the model in `folder` on a corpus, or on part (number, of) of it; sums are kept in `kept` meanwhile.

    CheckpointError, CorpusError, ProfileError. What can be refused is refused before weights are read.
    """
    subject = subject_of(folder, name, dtype)
    tokenizer = load_tokenizer(folder)
    ids = {
        domain: [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
        for domain, texts in corpus.documents.items()
    }
    pieces = cut(ids, length, tokenizer.eos_token_id)
    text = Text(corpus.sha256, corpus.examples, pieces.mix, length, batch, pieces.batches(batch), benchmark_sha256)
    start, end = parts(text.batches, *part)
    if start == end:
        raise ProfileError(f"the corpus has {text.batches} batches, and part {part[0]}/{part[1]} none of them")
    model = load_model(folder, device=device, dtype=dtype)
    if (largest := int(pieces.ids.max())) >= (known := model.get_input_embeddings().num_embeddings):
        raise ProfileError(f"the tokenizer says token {largest}, the model knows {known}: they do not belong together")
    subject = msgspec.structs.replace(subject, dtype=str(model.dtype).removeprefix("torch."))
    try:
        return Run(model, subject, text, pieces).over(start, end, kept=kept, progress=progress)
    except NotFiniteError:
        find_not_finite(folder)
        raise  # the weights are numbers, so it is the dtype that they ran in


def find_not_finite(folder: Path) -> None:
    """Raise CheckpointError for the first tensor in `folder` that holds a NaN or an infinity, by file and name."""
    for header in read_checkpoint(folder).headers:
        with (folder / header.file).open("rb") as file:
            for tensor in header.tensors:
                file.seek(tensor.begin)
                left = tensor.nbytes
                while left and (window := file.read(min(left, WINDOW_BYTES))):
                    check_finite(memoryview(window), tensor)
                    left -= len(window)


@dataclass(frozen=True, slots=True)
class Run:
    """One corpus through one model. `cut` must be the text that `text` describes."""

    model: Any
    subject: Subject
    text: Text
    cut: Cut

    def over(
        self,
        start: int,
        end: int,
        *,
        kept: Path | None = None,
        progress: Progress = lambda done, of: None,
    ) -> Profile:
        """The profile of the batches [start, end).

        With `kept`, sums are saved there every SAVE_BATCHES batches, and a run that finds the file goes on from it.
        ProfileError where the file is of another run, or an output is not finite.
        """
        listener = Listener(self.model, len(self.cut.domains))
        if listener.count != self.subject.experts:
            raise ProfileError(
                f"the config speaks of {self.subject.experts} experts, the model has {listener.count} in a layer"
            )
        profile = self._nothing(listener)
        if kept is not None and kept.exists():
            profile = profile.plus(_found(kept, start, end))
        at = profile.done[0][1] if profile.done else start
        rows = self.text.batch * self.text.length * self.subject.top_k
        every = max(1, min(SAVE_BATCHES, ROWS_MAX // rows))
        progress(at - start, end - start)
        with listener.listening(), torch.inference_mode():
            while at < end:
                upto = min(at + every, end)
                for batch in range(at, upto):
                    self._forward(listener, batch)
                    progress(batch + 1 - start, end - start)
                profile = profile.plus(self._taken(listener, profile, at, upto))
                at = upto
                if kept is not None:
                    save(profile, kept)
        return profile

    def _nothing(self, listener: Listener) -> Profile:
        nothing = Tally.nothing(listener.count)
        return Profile(
            subject=self.subject,
            text=self.text,
            done=(),
            tokens=dict.fromkeys(self.cut.domains, 0),
            layers={
                experts.index: Layer(
                    router_l2(self.model, experts), aimer(experts), dict.fromkeys(self.cut.domains, nothing)
                )
                for experts in listener.experts
            },
        )

    def _forward(self, listener: Listener, batch: int) -> None:
        """One batch through the decoder; what it says next does not matter, so the head is left out."""
        rows = slice(batch * self.text.batch, (batch + 1) * self.text.batch)
        device = self.model.device
        domains = torch.from_numpy(self.cut.token_domains(rows.start, rows.stop)).to(device)
        ids = torch.from_numpy(self.cut.ids[rows]).to(device)
        there = domains >= 0
        listener.tell(domains)
        self.model.base_model(
            input_ids=ids, attention_mask=None if bool(there.all()) else there.long(), use_cache=False
        )

    def _taken(self, listener: Listener, before: Profile, start: int, end: int) -> Profile:
        rows = range(start * self.text.batch, min(end * self.text.batch, len(self.cut.ids)))
        of, sizes = self.cut.domain_of[rows.start : rows.stop], self.cut.sizes[rows.start : rows.stop]
        layers = {}
        for index, tallies in listener.take().items():
            weights = before.layers[index]
            by_domain = dict(zip(self.cut.domains, tallies, strict=True))
            layers[index] = Layer(weights.router_l2, weights.aimer, by_domain)
        return Profile(
            subject=self.subject,
            text=self.text,
            done=((start, end),),
            tokens={domain: int(sizes[of == number].sum()) for number, domain in enumerate(self.cut.domains)},
            layers=layers,
        )


def save(profile: Profile, path: Path) -> None:
    """Write a profile: the file is there whole, or as it was."""
    with durable(path) as to:
        write_all(to, profile.to_json().encode())


def _found(kept: Path, start: int, end: int) -> Profile:
    profile = Profile.from_json(kept.read_bytes())
    if len(profile.done) != 1 or profile.done[0][0] != start or profile.done[0][1] > end:
        raise ProfileError(
            f"{kept.name} holds batches {list(profile.done)}, this run is about {start} to {end}; move the file away"
        )
    return profile
