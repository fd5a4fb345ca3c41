"""The classifiers of clips in PyTorch, under the names of the paper's public code, and their comparison
with `fernn predict --task kth`. Run by `peer_pytorch.py check` and `peer_pytorch.py time`."""

import copy

import torch
from torch import nn
from torch.nn import functional

from peer_process import beyond, predict, two_norm

CLASSES = 6


def block(inputs, outputs, size, stride=1, volume=False):
    """A zero-padded convolution without bias, batch normalisation, ReLU; over time too for a volume."""
    convolution, norm = (nn.Conv3d, nn.BatchNorm3d) if volume else (nn.Conv2d, nn.BatchNorm2d)
    kernel = convolution(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)
    return nn.Sequential(kernel, norm(outputs), nn.ReLU())


def velocities(range_x, range_y):
    """(vx, vy) of all slices, vx being the outer loop."""
    along_x, along_y = (range(-bound, bound + 1) for bound in (range_x, range_y))
    return [(x, y) for x in along_x for y in along_y]


def one_hot_kernels(pairs):
    """Kernels (V, 1, k, k) with a 1 at centre + velocity: a correlation with one moves content by minus v."""
    reach = max(abs(component) for pair in pairs for component in pair)
    kernels = torch.zeros(len(pairs), 1, 2 * reach + 1, 2 * reach + 1)
    for kernel, (x, y) in zip(kernels, pairs):
        kernel[0, reach + y, reach + x] = 1.0
    return kernels


class Recurrence(nn.Module):
    """Encoder and recurrent layers: h(ν) becomes tanh(u + W ⋆ (shift of h(ν)))."""

    def __init__(self, widths, pairs, layers, learned):
        super().__init__()
        a, b, c = widths
        self.pairs = pairs
        self.conv_u_first = nn.Sequential(*block(1, a, 5), *block(a, b, 3), *block(b, c, 3))
        self.conv_u_layers = nn.ModuleList(block(c, c, 3) for _ in range(layers - 1))

        def recurrent():
            return nn.Conv2d(c, c, 3, padding=1, padding_mode="circular", bias=False)

        self.conv_h_layers = nn.ModuleList(nn.Sequential(recurrent()) for _ in range(layers))
        kernels = one_hot_kernels(pairs)
        if learned:
            self.learned_kernels = nn.Parameter(torch.randn_like(kernels) / kernels.shape[-1])
        else:
            self.register_buffer("shift_kernels", kernels)
        # Whether slices are rolled, as a careful programmer would, or correlated with one-hot kernels.
        self.rolls = False

    def shift(self, state):
        """Each slice of (B, V, C, H, W) through its shift."""
        if self.rolls:
            slices = zip(state.unbind(1), self.pairs)
            return torch.stack([h.roll((-y, -x), dims=(2, 3)) for h, (x, y) in slices], 1)
        learned = getattr(self, "learned_kernels", None)
        kernels = self.shift_kernels if learned is None else learned
        channels, reach = state.shape[2], kernels.shape[-1] // 2
        # A group per plane, all planes of a slice with the same kernel.
        planes = functional.pad(state.flatten(1, 2), [reach] * 4, mode="circular")
        each = kernels.repeat_interleave(channels, 0)
        return functional.conv2d(planes, each, groups=len(each)).view(state.shape)

    def step(self, frame, states):
        """The states of all layers after a frame."""
        updated = []
        for layer, state in enumerate(states):
            if layer == 0:
                drive = self.conv_u_first(frame).unsqueeze(1)
            else:
                below = self.conv_u_layers[layer - 1](updated[-1].flatten(0, 1))
                drive = below.view(state.shape)
            moved = self.conv_h_layers[layer](self.shift(state).flatten(0, 1))
            updated.append(torch.tanh(drive + moved.view(state.shape)))
        return updated

    def forward(self, clips):
        """The highest layer's state (B, V, C, H, W) after every frame of clips (B, T, 1, H, W)."""
        batch, height, width = clips.shape[0], *clips.shape[-2:]
        channels = self.conv_h_layers[0][0].out_channels
        zero = clips.new_zeros(batch, len(self.pairs), channels, height, width)
        states = [zero] * len(self.conv_h_layers)
        for frame in clips.unbind(1):
            states = self.step(frame, states)
            yield states[-1]


class RecurrentClassifier(nn.Module):
    """G-RNN (no velocity but 0), FERNN and, with learned shifts, G-RNN+."""

    def __init__(self, widths, pairs=((0, 0),), layers=1, learned=False):
        super().__init__()
        self.lstm = Recurrence(widths, list(pairs), layers, learned)
        self.fc = nn.Linear(widths[-1], CLASSES)

    def read_out(self, state):
        return self.fc(state.amax(1).mean((2, 3)))

    def forward(self, clips):
        # States are let go of as soon as the next is there: what need not be kept is not.
        for state in self.lstm(clips):
            last = state
        return self.read_out(last)

    @torch.no_grad()
    def hidden(self, clips):
        """All states of the highest layer, (V, B, T, C, H, W)."""
        return torch.stack(list(self.lstm(clips)), 2).transpose(0, 1)


class VideoCnn(nn.Module):
    """The 3-D CNN: the first stage halves time, the others the plane."""

    def __init__(self, widths):
        super().__init__()
        a, b, c = widths
        plane = (1, 2, 2)
        self.st1 = block(1, a, 3, (2, 1, 1), volume=True)
        self.st2 = nn.Sequential(block(a, b, 3, plane, volume=True), block(b, b, 3, volume=True))
        self.st3 = nn.Sequential(block(b, c, 3, plane, volume=True), block(c, c, 3, volume=True))
        self.head = nn.Linear(c, CLASSES)

    def forward(self, clips):
        volume = self.st3(self.st2(self.st1(clips.transpose(1, 2))))
        return self.head(volume.mean((2, 3, 4)))


def aged(model):
    """The model as after some training: no normalisation's tensor has its first values any more."""
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.1, 0.6)
            module.num_batches_tracked.fill_(7)
    return model


def evaluated(model, clips):
    """What `predict` writes in evaluation mode."""
    model.eval()
    with torch.no_grad():
        expected = {"logits": model(clips)}
    if isinstance(model, RecurrentClassifier):
        expected["rnn_out"] = model.hidden(clips)
    return expected


def trained(model, clips, labels):
    """What `predict --target` adds: all in training mode, with the statistics after the clips."""
    model.train()
    loss = functional.cross_entropy(model(clips), labels)
    loss.backward()
    expected = {"loss": loss.detach()}
    expected |= {f"grads.{name}": weight.grad for name, weight in model.named_parameters()}
    running = {name: t for name, t in model.named_buffers() if ".running_" in name}
    return expected | {f"statistics.{name}": t for name, t in running.items()}


# Name, flags, and what to build. Extents of frames are (13, 11) but for the CNN's.
def recurrent(name, range_x, range_y, widths, layers=1, kind="fernn"):
    flags = ["--model", kind, "--layers", layers]
    flags += ["--velocity-range-x", range_x, "--velocity-range-y", range_y] if kind != "grnn" else []
    pairs = velocities(range_x, range_y)
    return name, flags, (13, 11), lambda: RecurrentClassifier(widths, pairs, layers, kind == "grnn-plus")


def video(widths, extents):
    return "3-D CNN", ["--model", "3dcnn"], extents, lambda: VideoCnn(widths)


CASES = [
    recurrent("G-RNN", 0, 0, (4, 6, 8), kind="grnn"),
    recurrent("G-RNN", 0, 0, (8, 16, 32), kind="grnn"),
    recurrent("G-RNN, 2 layers", 0, 0, (3, 5, 12), layers=2, kind="grnn"),
    recurrent("FERNN V1", 1, 1, (3, 5, 8)),
    recurrent("FERNN V1", 1, 1, (8, 16, 32)),
    recurrent("FERNN x=2 y=1", 2, 1, (4, 7, 16)),
    recurrent("FERNN x=0 y=2", 0, 2, (4, 8, 12)),
    recurrent("FERNN V1, 2 layers", 1, 1, (4, 6, 8), layers=2),
    recurrent("FERNN x=1 y=2, 3 layers", 1, 2, (4, 8, 16), layers=3),
    recurrent("G-RNN+ V1", 1, 1, (4, 6, 8), kind="grnn-plus"),
    recurrent("G-RNN+ x=2 y=1", 2, 1, (8, 16, 32), kind="grnn-plus"),
    recurrent("G-RNN+ V1, 2 layers", 1, 1, (4, 7, 12), layers=2, kind="grnn-plus"),
    video((4, 8, 16), (16, 16)),
    video((3, 5, 8), (13, 11)),
    video((8, 16, 32), (15, 10)),
]


def check(binary):
    """Compares everything of all classifiers; returns whether all agree.

    PyTorch computes in f64, so that a difference is ours. Logits and hidden states must agree within 2e-5
    place by place, absolutely or relatively; losses, gradients and statistics within 1e-5 in the 2-norm."""
    agrees = True
    for name, flags, (height, width), build in CASES:
        torch.manual_seed(0)
        model = aged(build())
        weights = {name: t.clone() for name, t in model.state_dict().items()}  # trained or not
        clips, labels = torch.rand(3, 5, 1, height, width), torch.tensor([4, 0, 5])
        model = model.double()
        expected = evaluated(model, clips.double()) | trained(copy.deepcopy(model), clips.double(), labels)
        for algorithm in ("direct", "winograd"):
            command = ["--task", "kth", *flags, "--algorithm", algorithm]
            command += ["--hidden"] if "rnn_out" in expected else []
            ours = predict(binary, command, weights=weights, input={"clip": clips}, target={"labels": labels})
            if ours.keys() != expected.keys():
                print(f"{name}: tensors differ: {sorted(ours.keys() ^ expected.keys())}")
                agrees = False
                continue
            fine, line = compared(ours, expected)
            agrees &= fine
            size = f"C={weights[CHANNELS[name == '3-D CNN']].shape[0]} {height}x{width}"
            print(f"kth {name:<23} {size:<11} {algorithm:<8} {line}  {'agrees' if fine else 'DISAGREES'}")
    return check_negative_controls(binary) and agrees


# The kernel whose rows are the last channels, of a recurrent classifier and of the CNN.
CHANNELS = ["lstm.conv_h_layers.0.0.weight", "st3.1.0.weight"]


def compared(ours, expected):
    """Whether all agree, and the largest differences."""
    by_place = {name: beyond(ours[name], expected[name]) for name in ("logits", "rnn_out") if name in ours}
    by_norm = {name: two_norm(ours[name], value) for name, value in expected.items() if name not in by_place}
    fine = all(e < 2e-5 for e in by_place.values()) and all(e < 1e-5 for e in by_norm.values())  # NaN fails

    def most(prefix):
        return max(error for name, error in by_norm.items() if name.startswith(prefix))

    places = ", ".join(f"{name} {error:.1e}" for name, error in by_place.items())
    parts = [("loss", "loss"), ("gradients", "grads."), ("statistics", "statistics.")]
    norms = ", ".join(f"{title} {most(prefix):.1e}" for title, prefix in parts)
    worst = max(by_norm, key=by_norm.get)
    return fine, f"{places}, {norms}" + ("" if fine else f" (worst {worst})")


def check_negative_controls(binary):
    """The conventions of other codes must *not* agree: what is checked above depends on them.

    Shifts by plus v, vy as the outer loop and moments over all frames each change hidden states or
    running statistics by a thousand times what is tolerated."""
    torch.manual_seed(0)
    model = aged(RecurrentClassifier((4, 6, 8), velocities(2, 1)))
    weights = {name: t.clone() for name, t in model.state_dict().items()}
    clips, labels = torch.rand(3, 5, 1, 13, 11), torch.tensor([1, 2, 3])
    model = model.double()
    flags = ["--task", "kth", "--model", "fernn", "--velocity-range-x", 2, "--velocity-range-y", 1, "--hidden"]
    ours = predict(binary, flags, weights=weights, input={"clip": clips}, target={"labels": labels})

    def other(pairs):
        model.lstm.rolls, model.lstm.pairs = True, pairs
        return beyond(ours["rnn_out"], evaluated(model, clips.double())["rnn_out"])

    pairs = velocities(2, 1)
    rolled = other(pairs)
    faults = {
        "plus v": other([(-x, -y) for x, y in pairs]),
        "vy outside": other(sorted(pairs, key=lambda pair: (pair[1], pair[0]))),
    }
    name = "lstm.conv_u_first.1.running_mean"
    model.lstm.pairs = pairs
    model.train()
    model.lstm.conv_u_first(clips.double().flatten(0, 1))  # all frames at once
    faults["all frames at once"] = beyond(ours[f"statistics.{name}"], model.state_dict()[name])
    fine = rolled < 2e-5 and all(error > 2e-2 for error in faults.values())
    listed = ", ".join(f"{fault} {error:.1e}" for fault, error in faults.items())
    print(f"kth rolled slices {rolled:.1e}; faults: {listed}  {'noticed' if fine else 'UNNOTICED'}")
    return fine


def training_step(channels, velocity_range, batch, frames, size, learning_rate=1e-3):
    """A function that runs one whole training step of a FERNN, the yardstick of `time`.

    Slices are rolled and no state but the last is read out, which is faster and needs less memory than the
    public code's correlations with one-hot kernels and its copy of all states."""
    torch.manual_seed(0)
    widths = (channels // 4, channels // 2, channels)
    model = RecurrentClassifier(widths, velocities(velocity_range, velocity_range))
    model.lstm.rolls = True
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    clips = torch.rand(batch, frames, 1, size, size)
    labels = torch.arange(batch) % CLASSES

    def step():
        optimiser.zero_grad()
        loss = functional.cross_entropy(model(clips), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        loss.item()

    return step
