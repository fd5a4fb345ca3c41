#!/usr/bin/env python3
"""The models in PyTorch: a second opinion on our numbers, and a yardstick for our speed.

Needs torch, numpy and safetensors (pip install torch numpy safetensors), and a release build of
this crate; optional for users. Run from the repository root:

    python3 scripts/peer_pytorch.py check
    python3 scripts/peer_pytorch.py time [--json FILE] [--channels 16 32] [--velocities 1 25] ...
    python3 scripts/peer_pytorch.py time --model classifier [--channels 32] [--velocities 25 1] [--batch 32] ...

`check` compares outputs, loss and all gradients through safetensors files, over rotations hidden states
as well and in both orders of turning and convolving, and of the classifiers of clips (`--only kth`: these
alone) also the running statistics of batch normalisation. `time` measures whole training steps (forward,
loss, backward, clip, Adam) of both, each in a process of its own, one after the other in turns, and reports
the fastest of each and the peak of its resident memory. Forecasters see 10 frames of 28x28 and predict 10;
classifiers, FERNNs with an encoder of C/4, C/2 and C channels, see --frames 16 of --size 32 pixels squared
in batches of 32 by default. Build first: cargo build --release --bin fernn --example training_step.
"""

import argparse
import json
import math
import resource
import sys
import time
from pathlib import Path

import peer_kth
import torch
from peer_process import Server, largest, predict, two_norm
from torch import nn

FRAMES = 10  # seen, and predicted
SIZE = 28


class Peer(nn.Module):
    """FERNN with a convolutional decoder: roll per velocity, stack, circular convolutions, ReLU."""

    def __init__(self, channels, velocity_range, kernel_sizes=(3, 3), decoder_layers=4):
        super().__init__()
        span = range(-velocity_range, velocity_range + 1)
        self.velocities = [(x, y) for x in span for y in span]

        def circular(inputs, outputs, size):
            return nn.Conv2d(
                inputs, outputs, size, padding=size // 2, padding_mode="circular", bias=False
            )

        self.conv_u = circular(1, channels, kernel_sizes[0])
        self.conv_h = circular(channels, channels, kernel_sizes[1])
        layers = []
        for _ in range(decoder_layers):
            layers += [circular(channels, channels, 3), nn.ReLU()]
        self.decoder = nn.Sequential(*layers, circular(channels, 1, 3))

    def step(self, frame, state):
        batch, velocities, channels, height, width = state.shape
        moved = [
            torch.roll(state[:, i], shifts=(y, x), dims=(2, 3))
            for i, (x, y) in enumerate(self.velocities)
        ]
        moved = torch.stack(moved, 1).flatten(0, 1)
        recurrent = self.conv_h(moved).view(batch, velocities, channels, height, width)
        return torch.relu(self.conv_u(frame).unsqueeze(1) + recurrent)

    def forward(self, seen, steps):
        batch, frames, _, height, width = seen.shape
        channels = self.conv_h.weight.shape[0]
        state = seen.new_zeros(batch, len(self.velocities), channels, height, width)
        for t in range(frames):
            state = self.step(seen[:, t], state)
        frame, outputs = seen[:, -1], []
        for _ in range(steps):
            state = self.step(frame, state)
            output = self.decoder(state.max(dim=1).values)
            outputs.append(output)
            frame = output.detach()
        return torch.stack(outputs, 1)

    def named_weights(self):
        """The weights under the names of the paper's public code."""
        named = {"cell.conv_u.weight": self.conv_u.weight, "cell.conv_h.weight": self.conv_h.weight}
        convolutions = [layer for layer in self.decoder if isinstance(layer, nn.Conv2d)]
        for i, layer in enumerate(convolutions):
            named[f"decoder_conv.{2 * i}.weight"] = layer.weight
        return named


class RotationPeer(nn.Module):
    """FERNN over rotations from expanded filters: turn, convolve, add, ReLU; zero padded throughout.

    That is the order of the paper's public code. With `convolve_first` what was convolved is turned, as
    the paper prints the equation."""

    def __init__(self, fields, orientations, velocities, convolve_first=False, decoder_layers=2):
        super().__init__()
        planes = fields * orientations
        self.orientations, self.velocities = orientations, velocities
        self.convolve_first = convolve_first

        def padded(inputs, outputs):
            return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)

        self.conv_u, self.conv_h = padded(1, planes), padded(planes, planes)
        layers = []
        for _ in range(decoder_layers):
            layers += [padded(planes, planes), nn.ReLU()]
        self.decoder = nn.Sequential(*layers, padded(planes, 1))

    def turn(self, maps, degrees):
        """Orientations on by whole places, truncated toward zero; planes counter-clockwise."""
        batch, planes, height, width = maps.shape
        fields = maps.view(batch, -1, self.orientations, height, width)
        places = int(degrees * self.orientations / 360)
        maps = fields.roll(places, dims=2).reshape(maps.shape)
        if degrees % 90 == 0:
            return torch.rot90(maps, degrees // 90 % 4, dims=(2, 3))
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        theta = torch.tensor([[c, -s, 0], [s, c, 0]], dtype=maps.dtype).expand(batch, 2, 3)
        grid = nn.functional.affine_grid(theta, maps.shape, align_corners=False)
        return nn.functional.grid_sample(maps, grid, padding_mode="zeros", align_corners=False)

    def step(self, frame, state):
        driven = self.conv_u(frame)
        if self.convolve_first:
            moved = [self.turn(self.conv_h(h), v) for h, v in zip(state, self.velocities)]
        else:
            moved = [self.conv_h(self.turn(h, v)) for h, v in zip(state, self.velocities)]
        return [torch.relu(m + driven) for m in moved]

    def forward(self, seen, steps):
        batch, frames, _, height, width = seen.shape
        planes = self.conv_h.weight.shape[0]
        state = [seen.new_zeros(batch, planes, height, width) for _ in self.velocities]
        states, outputs, frame = [], [], seen[:, -1]
        for t in range(frames + steps):
            state = self.step(seen[:, t] if t < frames else frame, state)
            states.append(torch.stack(state, 1))
            if t >= frames:
                outputs.append(self.decoder(states[-1].max(dim=1).values))
                frame = outputs[-1].detach()
        states = torch.stack(states, 1)
        return torch.stack(outputs, 1), states[:, :frames], states[:, frames:]

    def named_weights(self):
        """The weights under the names of the paper's public code."""
        named = {"filters.conv_u": self.conv_u.weight, "filters.conv_h": self.conv_h.weight}
        convolutions = [layer for layer in self.decoder if isinstance(layer, nn.Conv2d)]
        for i, layer in enumerate(convolutions):
            named[f"weights.decoder_conv.{2 * i}.weight"] = layer.weight
        return named


def check_rotation(binary):
    """Compares everything of rotation models in both orders; returns whether all agree.

    Within 1e-5 in the 2-norm each, as for translations; outputs and hidden states also within 2e-5 of their
    largest value, place by place. The other order must differ by a thousand times that, so that no
    agreement is one of things that do not depend on it."""
    agrees = True
    # Small: among a million activations one lies so near to a kink that f32 takes the other side.
    cases = [  # fields, orientations, velocities, further flags
        (2, 8, [-45, 0, 45], []),
        (2, 8, [-135, 90, 180, 45], []),
        (2, 4, [90, -90, 0, 180], []),
        (1, 36, [-20, -10, 0, 10, 20], []),
        (1, 36, [40, -50, 0], []),
        (2, 8, [60, -50, 0], ["--truncate"]),
        (3, 4, [10, -100, 200], ["--truncate"]),
        (1, 36, [15, -33, 0], ["--truncate"]),
    ]
    states = ["outputs", "hidden_encoder", "hidden_decoder"]
    for fields, orientations, velocities, flags in cases:
        torch.manual_seed(0)
        peers = [RotationPeer(fields, orientations, velocities, last) for last in (False, True)]
        peers[1].load_state_dict(peers[0].state_dict())
        seen, target = torch.rand(2, 4, 1, 14, 14), torch.rand(2, 3, 1, 14, 14)
        weights = {name: w.detach().clone() for name, w in peers[0].named_weights().items()}
        expected = [expect(peer.double(), seen, target) for peer in peers]
        apart = max(largest(expected[0][name], expected[1][name]) for name in states)
        for order, expected in zip(("carry-first", "convolve-first"), expected):
            command = [
                "--hidden", "--steps", "3", "--orientations", str(orientations),
                "--velocities=" + ",".join(map(str, velocities)), *flags,
            ]  # fmt: skip
            # The public code's order is what is computed without a flag.
            command += [] if order == "carry-first" else ["--order", order]
            command = ["--task", "rotation", *command]
            ours = predict(binary, command, **files(weights, seen, target))
            fine = ours.keys() == expected.keys()
            if not fine:
                print(f"tensors differ: {sorted(ours.keys() ^ expected.keys())}")
                agrees = False
                continue
            by_norm = [two_norm(ours[name], value) for name, value in expected.items()]
            by_place = [largest(ours[name], expected[name]) for name in states]
            fine = all(e < 1e-5 for e in by_norm) and all(e < 2e-5 for e in by_place)  # NaN fails
            # Quarter turns are exact, but these kernels are not steerable.
            fine &= apart > 2e-2
            agrees &= fine
            print(f"rotation N={orientations:<2} {order:<14} {velocities} {' '.join(flags)}: "
                  f"2-norm {max(by_norm):.1e}, largest {max(by_place):.1e}, "
                  f"between orders {apart:.1e}  {'agrees' if fine else 'DISAGREES'}")  # fmt: skip
    return agrees


def expect(peer, seen, target):
    """Everything that `predict` writes of a rotation model."""
    outputs, encoder, decoder = peer(seen.double(), target.shape[1])
    loss = nn.functional.mse_loss(outputs, target.double())
    loss.backward()
    expected = {"outputs": outputs, "loss": loss}
    expected |= {"hidden_encoder": encoder, "hidden_decoder": decoder}
    expected |= {f"grads.{name}": w.grad for name, w in peer.named_weights().items()}
    return {name: value.detach() for name, value in expected.items()}


def files(weights, seen, target):
    """The files of a forecaster."""
    return {"weights": weights, "input": {"input_seq": seen}, "target": {"target_seq": target}}


def check(binary):
    """Compares outputs, loss and gradients on three cases; returns whether all agree."""
    agrees = True
    cases = [  # channels, velocity range, (height, width), kernel sizes
        (5, 0, (7, 9), (3, 3)),
        (16, 1, (13, 10), (5, 3)),
        (32, 2, (14, 14), (3, 3)),
    ]
    for channels, velocity_range, (height, width), kernels in cases:
        torch.manual_seed(0)
        # In f64: then a disagreement is ours, and no ReLU flips on a rounding of theirs.
        peer = Peer(channels, velocity_range, kernels, decoder_layers=2)
        weights = {name: w.detach().clone() for name, w in peer.named_weights().items()}
        peer = peer.double()
        seen = torch.rand(2, 4, 1, height, width)
        target = torch.rand(2, 3, 1, height, width)
        outputs = peer(seen.double(), 3)
        loss = nn.functional.mse_loss(outputs, target.double())
        loss.backward()
        expected = {"outputs": outputs.detach(), "loss": loss.detach()}
        for name, weight in peer.named_weights().items():
            expected[f"grads.{name}"] = weight.grad
        for algorithm in ("direct", "winograd"):
            command = [
                "--task", "translation", "--algorithm", algorithm,
                "--velocity-range", velocity_range, "--steps", "3",
            ]  # fmt: skip
            ours = predict(binary, command, **files(weights, seen, target))
            if ours.keys() != expected.keys():
                print(f"tensors differ: {sorted(ours.keys() ^ expected.keys())}")
                agrees = False
            for name in sorted(expected):
                difference = (ours[name].double() - expected[name]).norm() / expected[name].norm()
                # Rounding in f32 over some ten layers and steps; NaN fails.
                fine = bool(difference < 1e-5)
                agrees &= fine
                print(
                    f"C={channels:<3} V={(2 * velocity_range + 1) ** 2:<3} {height}x{width} "
                    f"{algorithm:<9} {name:<26} {difference:.1e}  {'agrees' if fine else 'DIFFERS'}"
                )
    return agrees


def forecaster_step(channels, velocity_range, batch):
    """A function that runs one whole training step of a forecaster."""
    torch.manual_seed(0)
    model = Peer(channels, velocity_range)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    seen = torch.rand(batch, FRAMES, 1, SIZE, SIZE)
    target = torch.rand(batch, FRAMES, 1, SIZE, SIZE)

    def step():
        optimiser.zero_grad()
        loss = nn.functional.mse_loss(model(seen, FRAMES), target)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        loss.item()

    return step


def serve(arguments):
    """Times a PyTorch training step for every line on standard input, as our example does."""
    torch.set_num_threads(arguments.threads)
    extents = arguments.channels, arguments.velocity_range, arguments.batch
    if arguments.model == "classifier":
        step = peer_kth.training_step(*extents, arguments.frames, arguments.size)
    else:
        step = forecaster_step(*extents)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)


def measure(arguments, channels, velocities, batch):
    threads, velocity_range = arguments.threads, (math.isqrt(velocities) - 1) // 2
    extents = [channels, velocity_range, batch]
    # Both programs take the extents of a clip last; a forecaster's are fixed.
    is_classifier = arguments.model == "classifier"
    clip = [arguments.frames, arguments.size] if is_classifier else []
    ours = Server([
        arguments.example, *(["classifier"] if is_classifier else []), *extents, arguments.algorithm, threads, *clip,
    ])  # fmt: skip
    peer = Server([sys.executable, __file__, "serve", arguments.model, *extents, threads, *clip])
    fastest = [math.inf, math.inf]
    for turn in range(arguments.repeats + 1):
        for i, server in enumerate((ours, peer)):
            time.sleep(0.3)  # until the other's idle threads have stopped spinning
            # At least two steps a turn: the first finds its data pushed out of the cache.
            start, steps = time.perf_counter(), 0
            while steps < 2 or time.perf_counter() - start < 0.5:
                seconds, steps = server.step(), steps + 1
                if turn > 0:  # the first turn allocates, and chooses algorithms
                    fastest[i] = min(fastest[i], seconds)
    ours_seconds, peer_seconds = fastest
    row = {
        "channels": channels,
        "velocities": velocities,
        "batch": batch,
        "ours_seconds": ours_seconds,
        "pytorch_seconds": peer_seconds,
        "ratio": peer_seconds / ours_seconds,
        "ours_peak_mb": ours.peak_mb(),
        "pytorch_peak_mb": peer.peak_mb(),
        "algorithm": arguments.algorithm,
        "threads": threads,
    }
    return row | ({"model": "classifier", "frames": clip[0], "size": clip[1]} if is_classifier else {})


CHECKS = {"translation": check, "rotation": check_rotation, "kth": peer_kth.check}
# Of each model: channels, velocities and batch that are measured unless others are asked for.
MEASURED = {"forecaster": ([16, 32, 64, 128], [1, 25], [4]), "classifier": ([32], [25, 1], [32])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="compare outputs, loss and gradients")
    checking.add_argument("--binary", default="target/release/fernn")
    checking.add_argument("--only", choices=CHECKS, help="compare models of one task alone")
    timing = commands.add_parser("time", help="compare the time of whole training steps")
    timing.add_argument("--model", choices=MEASURED, default="forecaster")
    timing.add_argument("--channels", type=int, nargs="+", help="(default 16 32 64 128; classifier: 32)")
    timing.add_argument("--velocities", type=int, nargs="+", help="|V|, squares of odd numbers (default 1 25)")
    timing.add_argument(
        "--batch", type=int, nargs="+", help="sequences per step, one for all or one per --channels (default 4; classifier: 32)"
    )
    timing.add_argument("--algorithm", choices=["auto", "direct", "winograd"], default="auto")
    timing.add_argument("--threads", type=int, default=2)
    timing.add_argument("--frames", type=int, default=16, help="classifier: frames of a clip (default 16)")
    timing.add_argument("--size", type=int, default=32, help="classifier: pixels along the side of a frame (default 32)")
    timing.add_argument("--repeats", type=int, default=5, help="turns of half a second or two steps (default 5)")
    timing.add_argument("--json", type=Path, help="also write the rows to this file")
    timing.add_argument("--example", default="target/release/examples/training_step")
    serving = commands.add_parser("serve")
    serving.add_argument("model", choices=MEASURED)
    for name in ("channels", "velocity_range", "batch", "threads"):
        serving.add_argument(name, type=int)
    for name in ("frames", "size"):
        serving.add_argument(name, type=int, nargs="?")
    arguments = parser.parse_args()
    if arguments.command == "check":
        chosen = [arguments.only] if arguments.only else list(CHECKS)
        # All of them run, whatever one of them finds.
        sys.exit(0 if all([CHECKS[task](arguments.binary) for task in chosen]) else 1)
    if arguments.command == "serve":
        serve(arguments)
        return
    channels, velocities, batches = (
        given or default
        for given, default in zip(
            (arguments.channels, arguments.velocities, arguments.batch), MEASURED[arguments.model]
        )
    )
    if len(batches) == 1:
        batches = batches * len(channels)
    if len(batches) != len(channels):
        parser.error("--batch needs one number, or one for each of --channels")
    rows = []
    print(f"PyTorch {torch.__version__}, {arguments.threads} threads, "
          f"{arguments.algorithm}; fastest step of {arguments.repeats} turns\n")  # fmt: skip
    print("| C | V | batch | PyTorch, s | ours, s | times faster | PyTorch, MB | ours, MB |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for v in velocities:
        for c, batch in zip(channels, batches):
            row = measure(arguments, c, v, batch)
            rows.append(row)
            print(
                f"| {c} | {v} | {batch} | {row['pytorch_seconds']:.3f} "
                f"| {row['ours_seconds']:.3f} | {row['ratio']:.1f} "
                f"| {row['pytorch_peak_mb']:.0f} | {row['ours_peak_mb']:.0f} |",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
