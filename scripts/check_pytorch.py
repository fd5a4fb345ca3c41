"""Writes what a PyTorch model makes of an input and of its flows, for `fernn check --input FILE`.

In a project of your own: `record(stages, frames, velocities, "recording.safetensors")`, where `stages`
maps frames (B, T, C, H, W) to named tensors: hidden states (V, B, T, C, H, W), maps (B, T, C, H, W) or
invariants (B, K). Then `fernn check --input recording.safetensors` in CI. `python check_pytorch.py FILE`
does so for a small flow equivariant cell written here, `--broken` for one that is padded with zeros.
"""

import argparse

import torch
from safetensors.torch import save_file


def moved(frames, velocity, steps):
    """Frame t rolled by steps(t) times the velocity (right, down) in pixels."""
    x, y = velocity
    rolled = [
        torch.roll(frames[:, t], (steps(t) * y, steps(t) * x), (-2, -1))
        for t in range(frames.shape[1])
    ]
    return torch.stack(rolled, 1)


def record(stages, frames, velocities, path, flows=((1, 0), (0, 1), (-1, 2))):
    inputs = {"reference": frames}
    for x, y in flows:
        inputs[f"flow.{x},{y}"] = moved(frames, (x, y), lambda t: t)
        inputs[f"still.{x},{y}"] = moved(frames, (x, y), lambda t: 1)
    tensors = {"velocities": torch.tensor(velocities), "reference.input": frames}
    for name, of_input in inputs.items():
        for stage, value in stages(of_input).items():
            tensors[f"{name}.{stage}"] = value.detach().contiguous()
    save_file(tensors, path)


def small_cell(dtype, is_broken):
    """h(ν) ← tanh(ψ_1(ν)·[W ⋆ h(ν)] + U ⋆ f) over velocities {−1, 0, 1}²."""
    torch.manual_seed(0)
    u, w = torch.randn(4, 1, 3, 3) / 3, torch.randn(4, 4, 3, 3) / 6
    velocities = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]

    def convolve(x, kernel):
        mode = "constant" if is_broken else "circular"
        return torch.conv2d(torch.nn.functional.pad(x, (1, 1, 1, 1), mode), kernel.to(dtype))

    def stages(frames):
        batch, steps, _, height, width = frames.shape
        slices = [torch.zeros(batch, 4, height, width, dtype=dtype) for _ in velocities]
        states = []
        for t in range(steps):
            driven = convolve(frames[:, t], u)
            slices = [
                torch.tanh(torch.roll(convolve(h, w), (y, x), (-2, -1)) + driven)
                for h, (x, y) in zip(slices, velocities)
            ]
            states.append(torch.stack(slices))
        return {"state": torch.stack(states, 2)}  # (V, B, T, C, H, W)

    return stages, velocities


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("file")
    arguments.add_argument("--broken", action="store_true")
    arguments.add_argument("--double", action="store_true", help="in f64")
    chosen = arguments.parse_args()
    dtype = torch.float64 if chosen.double else torch.float32
    stages, velocities = small_cell(dtype, chosen.broken)
    frames = torch.randn(2, 5, 1, 7, 11, dtype=dtype)
    record(stages, frames, velocities, chosen.file)


if __name__ == "__main__":
    main()
