"""Our programs as PyTorch's checks see them: what `fernn predict` writes, how far that is from what is
expected, and processes that time a training step for every line they are sent."""

import subprocess
import tempfile
from pathlib import Path

from safetensors.torch import load_file, save_file


def predict(binary, flags, **files):
    """The tensors that `fernn predict` writes, given the tensors of each of its input files.

    `files` are named as the flags are: weights, input, target; None leaves one out."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        command = [binary, "predict", *flags, "--output", folder / "output.safetensors"]
        for flag, tensors in files.items():
            if tensors is not None:
                save_file(tensors, folder / f"{flag}.safetensors")
                command += [f"--{flag}", folder / f"{flag}.safetensors"]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
        return load_file(folder / "output.safetensors")


def two_norm(ours, expected):
    """The distance in the 2-norm, relative to what is expected."""
    return ((ours.double() - expected).norm() / expected.norm()).item()


def largest(ours, expected):
    """The largest difference, relative to the largest value expected."""
    return ((ours.double() - expected).abs().max() / expected.abs().max()).item()


def beyond(ours, expected):
    """The largest difference, each relative to 1 or to the value expected where that is larger."""
    return ((ours.double() - expected).abs() / expected.abs().clamp(min=1.0)).max().item()


class Server:
    """A process that answers each line with the seconds of one training step."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def step(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def peak_mb(self):
        """Ends the process, which then tells its largest resident memory."""
        self.process.stdin.close()
        peak = float(self.process.stdout.readline())
        self.process.wait()
        return peak
