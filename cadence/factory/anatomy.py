"""Where the experts of a checkpoint lie, and whether a plan fits them: headers and a config in, findings out.

Whatever is odd is refused here, before a byte is written: an expert that is missing or has a name of its own, a router
with other rows than there are experts, a tensor among the experts that the adapter does not know. A tool that copied
such things would make a model that loads and answers wrongly.

Pure: reads headers, not weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cadence.factory.families import family_of
from cadence.factory.families.base import CONFIG, Family, Role, Routing
from cadence.factory.plan import Plan, PlanError
from cadence.models.checkpoint import Checkpoint, CheckpointError, Tensor, shown

DAMAGED = "the checkpoint is incomplete or of another family: download it again"


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The experts of one checkpoint. Layers count as in a plan: extra layers go on behind the last decoder layer."""

    family: Family
    routing: Routing
    layers: int  # decoder layers, dense ones included
    roles: Mapping[str, Role]  # of the tensors that have to do with routed experts
    moe_layers: tuple[int, ...]  # with routed experts, ascending, extra layers included

    @property
    def extra_layers(self) -> tuple[int, ...]:
        """The multi-token-prediction layers that have routed experts."""
        return tuple(layer for layer in self.moe_layers if layer >= self.layers)


def dissect(checkpoint: Checkpoint, config: Mapping[str, Any]) -> Anatomy:
    """Find the experts. Raises CheckpointError where tensors, config and adapter disagree in a name or a shape."""
    family = family_of(config)
    routing, layers = family.routing(config), family.layers(config)
    roles = {name: role for name in checkpoint.tensors if (role := family.role(name, layers)) is not None}
    members: dict[int, list[Tensor]] = defaultdict(list)
    for name, role in roles.items():
        members[role.layer].append(checkpoint.tensors[name])
    if not members:
        first = next(iter(checkpoint.headers)).file
        fault = f"no tensor is named as {family.name} names its experts"
        raise CheckpointError(first, fault, "correct model_type in config.json, or add an adapter")
    for layer in sorted(members):
        _check_layer(layer, members[layer], roles, family, routing)
    for tensor in checkpoint.tensors.values():
        if tensor.name not in roles and family.unknown(tensor.name, layers):
            found = family.layer_of(tensor.name, layers)
            if found is None or found[0] in members:
                fault = f"it lies among the experts, and the adapter for {family.name} does not know it"
                raise CheckpointError(
                    tensor.file, fault, "add it to the adapter; copied, it might be wrong", tensor.name
                )
    return Anatomy(family, routing, layers, roles, tuple(sorted(members)))


def check_plan(plan: Plan, anatomy: Anatomy) -> None:
    """Raise PlanError unless `plan` can be carried out on this checkpoint and the result be loaded."""
    family, routing = anatomy.family, anatomy.routing
    if plan.family not in family.model_types:
        expected = " or ".join(family.model_types)
        raise PlanError(f"the plan is for {shown(plan.family)}, the model is {expected}; plan again for this model")
    if plan.experts_before != routing.experts:
        fault = f"the plan is for {plan.experts_before} experts in a layer, the model has {routing.experts}"
        raise PlanError(f"{fault}; plan again for this model")
    decoder = {layer for layer in anatomy.moe_layers if layer < anatomy.layers}
    if absent := sorted(decoder - set(plan.keep)):
        raise PlanError(f"the plan says nothing of layer {absent[0]}, which has experts; plan again for this model")
    if foreign := sorted(set(plan.keep) - set(anatomy.moe_layers)):
        raise PlanError(f"the plan speaks of layer {foreign[0]}, which has no experts here; plan again for this model")
    if plan.uniform is None:
        fault = "the layers keep different numbers of experts, and config.json can say only one"
        raise PlanError(f"{fault}; plan with the same number for all layers")
    if plan.uniform >= routing.experts:
        raise PlanError(f"the plan keeps all {routing.experts} experts; there is nothing to do")
    for layer, keep in plan.keep.items():
        check_keep(layer, keep, routing)


def check_keep(layer: int, keep: Sequence[int], routing: Routing) -> None:
    """Raise PlanError unless a router can still choose among the experts `keep` of one layer."""
    where = f"layer {layer} keeps {len(keep)} of {routing.experts} experts"
    if len(keep) < routing.top_k:
        raise PlanError(f"{where}, and each token is sent to {routing.top_k}; keep {routing.top_k} or more")
    if routing.groups == 1:
        return
    size = routing.experts // routing.groups
    counts = [sum(1 for expert in keep if expert // size == group) for group in range(routing.groups)]
    if len(set(counts)) > 1:
        raise PlanError(f"{where}, {counts} from its groups; keep as many from each, in steps of {routing.groups}")
    if counts[0] < routing.group_best:
        raise PlanError(f"{where}; a group is judged by its {routing.group_best} best experts, so keep as many in each")
    if routing.groups_used * counts[0] < routing.top_k:
        fault = f"a token may look into {routing.groups_used} groups of {counts[0]} for {routing.top_k} experts"
        raise PlanError(f"{where}; {fault}: keep more")


def _check_layer(
    layer: int, tensors: Iterable[Tensor], roles: Mapping[str, Role], family: Family, routing: Routing
) -> None:
    """Hold one layer to its family's patterns: all parts of all experts, in one layout, and a router that fits."""
    parts: dict[int | None, dict[str, Tensor]] = defaultdict(dict)  # of each expert, of all together for None
    routers: set[str] = set()
    for tensor in tensors:
        role = roles[tensor.name]
        if role.expert is None:
            _check_axis(tensor, role, routing.experts)
        elif role.expert >= routing.experts:
            fault = f"it belongs to expert {role.expert}, {CONFIG} knows {routing.experts}, counted from 0"
            raise CheckpointError(tensor.file, fault, f"correct {CONFIG}; a loader would drop it silently", tensor.name)
        if role.pattern.router:
            routers.add(role.part)
        elif parts[role.expert].setdefault(role.part, tensor) is not tensor:
            fault = f"{shown(parts[role.expert][role.part].name)} is the same part of the same expert"
            raise CheckpointError(tensor.file, fault, "remove one of the two", tensor.name)
    where = next(iter(tensors))
    for pattern in family.patterns:
        if pattern.router and (missing := _missing(pattern.parts, routers)):
            raise CheckpointError(where.file, f"layer {layer} has experts, but its router has no {missing}", DAMAGED)
    fused = parts.pop(None, None)
    if fused is not None and parts:
        raise CheckpointError(where.file, f"layer {layer} has experts both fused and apart", DAMAGED)
    if fused is not None:
        wanted = next(pattern.parts for pattern in family.patterns if pattern.fused)
        wanted = (*wanted, *(part.replace("_blocks", "_scales") for part in fused if part.endswith("_blocks")))
        if missing := _missing(wanted, fused):
            raise CheckpointError(where.file, f"layer {layer} has fused experts without {missing}", DAMAGED)
    else:
        _check_experts(layer, where.file, parts, family, routing.experts)


def _check_experts(
    layer: int, file: str, parts: Mapping[int | None, Mapping[str, Tensor]], family: Family, experts: int
) -> None:
    absent = [expert for expert in range(experts) if expert not in parts]
    if absent:
        fault = f"layer {layer} has {len(parts)} of {experts} experts; the first that is missing is {absent[0]}"
        raise CheckpointError(file, fault, DAMAGED)
    wanted = next(pattern.parts for pattern in family.patterns if not pattern.fused and not pattern.router)
    first = parts[0]
    for expert, found in parts.items():
        if missing := _missing(wanted, found):
            some = next(iter(found.values()))
            raise CheckpointError(some.file, f"expert {expert} of layer {layer} has no {missing}", DAMAGED)
        for part, tensor in found.items():
            like = first.get(part)
            if like is None or (like.shape, like.dtype) != (tensor.shape, tensor.dtype):
                mine = f"{tensor.dtype} {list(tensor.shape)}"
                fault = (
                    f"it is {mine}, expert 0's is {'absent' if like is None else f'{like.dtype} {list(like.shape)}'}"
                )
                raise CheckpointError(tensor.file, fault, "experts of a layer are alike: " + DAMAGED, tensor.name)
        if len(found) < len(first):
            part = next(part for part in first if part not in found)
            raise CheckpointError(file, f"expert {expert} of layer {layer} has no {part}, expert 0 has", DAMAGED)


def _check_axis(tensor: Tensor, role: Role, experts: int) -> None:
    axis = role.pattern.axis
    if len(tensor.shape) <= axis or tensor.shape[axis] != experts:
        fault = f"expected {experts} entries along axis {axis}, got the shape {list(tensor.shape)}"
        raise CheckpointError(tensor.file, fault, f"tensor and {CONFIG} must agree: {DAMAGED}", tensor.name)


def _missing(wanted: Iterable[str], found: Iterable[str]) -> str | None:
    """The first of `wanted` that is the start of nothing found."""
    names = tuple(found)
    return next((part for part in wanted if not any(_is_part(name, part) for name in names)), None)


def _is_part(name: str, part: str) -> bool:
    # `gate_up_proj` is there as itself, as `gate_up_proj_blocks` or as `gate_up_proj.weight`; its bias alone is not it.
    return name == part or name.startswith(f"{part}.") or name == f"{part}_blocks"
