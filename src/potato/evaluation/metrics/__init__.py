"""The literature's figures of sharpeners, on tensors, with and without a truth.

`reduced` compares a result with a truth, `full` with the pair that it was made from. Source of most
definitions and of the constants: G. Vivone and others, "A Critical Comparison Among Pansharpening
Algorithms" (2015). `potato.evaluation.protocols` measures what people see, in JND.
"""

from potato.evaluation.metrics.full import cell_error, d_lambda, d_lambda_khan, d_s, d_s_mtf, hqnr, qnr
from potato.evaluation.metrics.reduced import ergas, psnr, q2n, sam, scc, ssim

__all__ = [
    "cell_error",
    "d_lambda",
    "d_lambda_khan",
    "d_s",
    "d_s_mtf",
    "ergas",
    "hqnr",
    "psnr",
    "q2n",
    "qnr",
    "sam",
    "scc",
    "ssim",
]
