"""The sharpener: an exact predictor, and a small network that adds what the predictor misses.

Notable features:

- The predictor multiplies the enlarged Oklab of mul by cbrt(pan / enlarged cell mean of pan). A
  change of shading multiplies all bands alike and Oklab is homogeneous of degree 1/3, so this is
  exact for shading.
- Where pan sees much near infrared, its detail is more than shading. There, the predictor without a
  network corrects its injection gain by a local regression (`features.predict_infrared`).
- The network works on cells (r × r pan pixels, where r is the ratio), in dense 3 × 3 convolutions.
- Its inputs are those of `facts.input_channels`: cube roots, of which Oklab is made, and two kinds
  of context that convolutions can't compute, `local_regression` and `wide_context`.
- Its outputs are a residual for each pixel and, for each of L, a and b, a correction of the
  injection gain: how much of pan's detail the channel takes.
- No layer has a bias, so the whole is homogeneous: k times the light gives cbrt(k) times the Oklab.
  Networks without biases also generalise better to unseen noise (S. Mohan, Z. Kadkhodaie, E.
  Simoncelli and C. Fernandez-Granda, "Robust and interpretable blind image denoising via bias-free
  convolutional neural networks", 2020).
- The last layer starts at 0, so an untrained network is the predictor.
- Nothing is padded inside. `sharpen_cells` fills invalid pixels, pads or crops to the halo and runs
  the model; whole images, chips and blocks of a file all go through it.
"""

import copy
from collections.abc import Callable, Iterable
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from potato.core.color import bands_to_xyz, mul_to_oklab, xyz_to_oklab
from potato.core.resample import BICUBIC_REACH, fill_invalid, from_cells, to_cells, upsample_cells
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import Sensor
from potato.core.types import check_pair_shapes
from potato.model.facts import INPUT_SCALE, LEAST_ROOT, output_channels
from potato.model.features import (
    LocalRegression,
    WideContext,
    local_regression,
    predict,
    predict_infrared,
    root,
    trim,
    wide_context,
)
from potato.model.model import Architecture, HasModel, Model, as_model, halos


class Sharpener(nn.Module):
    """The predictor and its network. Untrained, it is exactly the predictor.

    Attributes:
        architecture: its sizes.
        sensor: the sensor whose pairs it reads.
        halo_valid: cells around a block, on every side, that must be known or filled.
        halo: cells around a block that the model reads; 0 means unknown beyond `halo_valid`.
        read_halo: cells to read around a block, so that invalid ones within `halo_valid` are filled
            as in the whole image.
    """

    def __init__(self, architecture: Architecture | None = None, sensor: Sensor = WORKSHOP) -> None:
        super().__init__()
        self.architecture = architecture or Architecture()
        self.sensor = sensor
        self.halo_valid, self.halo, self.read_halo = halos(self.architecture, sensor)
        shapes = self.architecture.layers.values()
        self.layers = nn.ModuleList(nn.Conv2d(before, after, 3, bias=False) for after, before, _, _ in shapes)
        if shapes:
            last = self.layers[-1]
            assert isinstance(last, nn.Conv2d)
            for weight in self.parameters():
                nn.init.kaiming_normal_(weight)
            nn.init.zeros_(last.weight)

    @classmethod
    def of(cls, model: Model | HasModel, sensor: Sensor = WORKSHOP) -> Self:
        """The network of a model for a sensor, on the CPU and in evaluation mode.

        A network stays on its device and in its mode. For another sensor, it is a new one with the
        weights of the old one, not a copy of them.
        """
        if isinstance(model, cls):
            if model.sensor == sensor:
                return model
            other = copy.copy(model)
            other.sensor = sensor
            other.halo_valid, other.halo, other.read_halo = halos(model.architecture, sensor)
            return other
        model = as_model(model)
        network = cls(model.architecture, sensor)
        network.load_state_dict({name: torch.tensor(array) for name, array in model.tensors.items()})
        return network.eval()

    def model(self) -> Model:
        """This network as data, a copy."""
        state = self.state_dict().items()
        return Model(self.architecture, {name: tensor.float().cpu().numpy().copy() for name, tensor in state})

    def forward(self, pan: Tensor, mul: Tensor, matrices: Tensor | None = None) -> Tensor:
        """Sharpen cells.

        Args:
            pan: reflectance in cells (b, r², h + 2·halo, w + 2·halo); r is the ratio.
            mul: reflectance (b, n, h + 2·halo, w + 2·halo).
            matrices: from bands to XYZ (b, 3, n), where each image has a sensor of its own; None
                for that of `sensor`.

        Returns:
            Oklab in cells (b, 3r², h, w).
        """
        mean = pan.mean(1, keepdim=True)
        if matrices is None:
            oklab = mul_to_oklab(mul, self.sensor)
        else:
            oklab = xyz_to_oklab(bands_to_xyz(mul, matrices))
        shading, roots = root(mean), root(pan)
        depth = len(self.layers)
        if not depth:
            if self.sensor.pan_sees_infrared:
                return predict_infrared(mean, roots, oklab)
            return predict(mean, roots, oklab)[0]
        context = wide_context(shading, roots, oklab[:, :1])
        unknown = self.halo - self.halo_valid
        mean, shading, roots, oklab, mul = (
            trim(image, unknown) for image in (mean, shading, roots, oklab, mul)
        )
        predicted, detail = predict(mean, roots, oklab)
        local = local_regression(shading, roots, oklab)
        shading, oklab, mul = (trim(image, BICUBIC_REACH) for image in (shading, oklab, mul))
        residual, injection_gain = self._convolve(
            _inputs(self.architecture.inputs, detail, shading, oklab, mul, local, context)
        )
        injection_gain = upsample_cells(
            injection_gain / trim(local.mean, depth).clamp_min(LEAST_ROOT), self.architecture.ratio
        )
        inner = depth + BICUBIC_REACH
        result: Tensor = torch.add(
            trim(predicted, inner), trim(residual, BICUBIC_REACH), alpha=1 / (2 * INPUT_SCALE)
        ).unflatten(1, (3, -1))
        result.addcmul_(injection_gain.unflatten(1, (3, -1)), trim(detail, inner).unsqueeze(1))
        return result.flatten(1, 2)

    def _convolve(self, inputs: Tensor) -> list[Tensor]:
        """The network alone: its outputs, float32, one tensor for each of `output_channels`."""
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        # Never bfloat16 on a CPU: its rounding would make block edges visible (dev/LOG.md).
        half = inputs.device.type in ("cuda", "mps") and not torch.is_grad_enabled()
        with torch.autocast(inputs.device.type, torch.float16, enabled=half):
            hidden = inputs
            for layer in self.layers[:-1]:
                hidden = F.relu(layer(hidden), inplace=True)
            last = self.layers[-1]
            assert isinstance(last, nn.Conv2d)
            # Two convolutions, since 51 channels in one take as long as 64.
            parts = last.weight.split(list(output_channels(self.architecture.ratio).values()))
            return [F.conv2d(hidden, part).float() for part in parts]


def _inputs(
    order: Iterable[str],
    detail: Tensor,
    shading: Tensor,
    oklab: Tensor,
    mul: Tensor,
    local: LocalRegression,
    context: WideContext,
) -> Tensor:
    """The network's input, the channels of `input_channels` in their order."""
    lightness, chroma = oklab[:, :1], oklab[:, 1:]
    found = {
        "detail": detail,
        "shading": shading - lightness,
        "bands": root(mul) - lightness,
        "chroma": 2 * chroma,
        "slopes": local.slopes * shading - oklab,
        "deviations": local.deviations,
        "darkest": context.darkest - torch.cat([shading, lightness], 1),
        "artefact weight": context.artefact_weight * lightness,
        # Divided by 8 and multiplied by it, lightness is unchanged to the last bit.
        "lightness": lightness / INPUT_SCALE,
        "mul sharpness": context.mul_sharpness * lightness,
    }
    return torch.cat([found[name] for name in order], 1).mul_(INPUT_SCALE)


def fill_pair(
    pan: Tensor,
    mul: Tensor,
    pan_valid: Tensor,
    mul_valid: Tensor,
    reach: int,
    fill: Callable[[Tensor, Tensor, int], Tensor] = fill_invalid,
) -> tuple[Tensor, Tensor]:
    """Fill invalid pixels of a pair from their valid neighbours, so that no dark rim appears.

    Args:
        pan: reflectance in cells (b, r², h, w).
        mul: reflectance (b, n, h, w).
        pan_valid: bool, in cells (b, r², h, w).
        mul_valid: bool (b, 1, h, w).
        reach: how many cells far to fill; pixels beyond become 0.
        fill: fills an image from its valid pixels up to `reach` away.

    Returns:
        pan and mul, new: valid pixels unchanged; an invalid pan pixel has the mean of its cell or,
            where no pixel of the cell is valid, the cell's filled mean.
    """
    count = pan_valid.sum(1, keepdim=True)
    pan = torch.where(pan_valid, pan, torch.zeros_like(pan))
    mean = pan.sum(1, keepdim=True) / count.clamp_min(1)
    pan = torch.where(pan_valid, pan, fill(mean, count > 0, reach))
    return pan, fill(mul, mul_valid, reach)


def sharpen_cells(
    model: Sharpener,
    pan: Tensor,
    mul: Tensor,
    valid: tuple[Tensor, Tensor] | None = None,
    given: int = 0,
    matrices: Tensor | None = None,
) -> Tensor:
    """Fill invalid pixels, pad or crop to the model's halo, and run the model.

    Args:
        model: on the device of the tensors.
        pan: reflectance in cells (b, r², h + 2·given, w + 2·given).
        mul: reflectance (b, n, h + 2·given, w + 2·given).
        valid: masks of both, bool, of the shapes of `pan` and (b, 1, h + 2·given, w + 2·given);
            None if all is valid.
        given: cells around the result that pan and mul include: 0 for a whole image, which is
            filled outwards; `model.halo_valid` for a chip in training, whose result is smaller than
            it; `model.read_halo` for a block of a larger image.
        matrices: as `Sharpener.forward` takes them.

    Returns:
        Oklab in cells (b, 3r², h, w), without meaning where pan or mul is invalid.
    """
    outside = max(0, model.halo_valid - given)
    if valid is None and outside:
        valid = torch.ones_like(pan, dtype=torch.bool), torch.ones_like(mul[:, :1], dtype=torch.bool)
    if valid is not None:
        pan, mul, pan_valid, mul_valid = (pad(image, outside) for image in (pan, mul, *valid))
        pan, mul = fill_pair(pan, mul, pan_valid, mul_valid, model.halo_valid)
    missing = model.halo - max(given, model.halo_valid)
    result: Tensor = model(pad(pan, missing), pad(mul, missing), matrices)
    return result


def pad(image: Tensor, cells: int) -> Tensor:
    """An image with `cells` of 0 added on every side, or −`cells` taken away."""
    if cells <= 0:
        return trim(image, -cells)
    return F.pad(image, [cells] * 4)


def sharpen(model: Model | Sharpener, pan: Tensor, mul: Tensor, sensor: Sensor = WORKSHOP) -> Tensor:
    """Sharpen a pair of tensors whose pixels are all valid.

    Args:
        model: from `load_model`, or a network.
        pan: reflectance (b, 1, rh, rw), 0..1 and above on specular targets; r is the ratio.
        mul: reflectance (b, n, h, w).
        sensor: the sensor that saw the pair.

    Returns:
        Oklab (b, 3, rh, rw).

    Raises:
        ValueError: if the shapes don't fit each other.

    Example:
        >>> pan, mul = torch.full((1, 1, 8, 8), 0.125), torch.full((1, 8, 2, 2), 0.125)
        >>> grey = sharpen(Sharpener(), pan, mul)
        >>> [round(abs(x), 3) for x in grey.mean((0, 2, 3)).tolist()]
        [0.5, 0.0, 0.0]
    """
    check_pair_shapes(pan, mul)
    network = Sharpener.of(model, sensor).to(pan.device)
    return from_cells(sharpen_cells(network, to_cells(pan, sensor.ratio), mul), sensor.ratio)
