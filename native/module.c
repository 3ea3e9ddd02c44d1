/* The extension module `potato.model._native`: checks what Python passes, and calls `sharpen`. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <string.h>

#include "block.h"

#define MOST_LAYERS 64
#define MOST_CELLS 32768 /* along a side, so that an int counts all cells */
#define MOST_BUFFERS (MOST_LAYERS + 10)

/* The best instruction set comes first. */
static const InstructionSet *const SETS[] = {
#if defined(__x86_64__) || defined(_M_X64)
    &avx512,
    &avx2,
#endif
    &baseline,
};
#define SET_COUNT (sizeof SETS / sizeof *SETS)

static int is_supported(const InstructionSet *set)
{
#if defined(__x86_64__) || defined(_M_X64)
    if (set->lanes == 16)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (set->lanes == 8) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return set->lanes == 4;
}

/* The buffers of a call, released together. */
typedef struct {
    Py_buffer views[MOST_BUFFERS];
    int count;
} Buffers;

static void release(Buffers *buffers)
{
    while (buffers->count) PyBuffer_Release(&buffers->views[--buffers->count]);
}

/* Borrow the memory of an array of `dimensions` whose items are `size` bytes and lie without gaps along
 * the last axis; NULL, with an exception, if it is another kind of array. */
static Py_buffer *borrow(Buffers *buffers, PyObject *array, const char *name, int dimensions, Py_ssize_t size,
                         int writable)
{
    Py_buffer *view = &buffers->views[buffers->count];
    if (PyObject_GetBuffer(array, view, PyBUF_STRIDES | (writable ? PyBUF_WRITABLE : 0))) return NULL;
    buffers->count++;
    if (view->ndim != dimensions || view->itemsize != size || view->strides[dimensions - 1] != size) {
        PyErr_Format(
            PyExc_ValueError,
            "expected %s with %d axes and items of %zd bytes without gaps, found %d axes and %zd bytes", name,
            dimensions, size, view->ndim, view->itemsize);
        return NULL;
    }
    for (int axis = 0; axis < dimensions; axis++)
        if (view->strides[axis] % size || view->strides[axis] < 0) {
            PyErr_Format(PyExc_ValueError, "expected %s with rows of whole items from top to bottom", name);
            return NULL;
        }
    return view;
}

static int has_shape(const Py_buffer *view, const char *name, Py_ssize_t rows, Py_ssize_t columns)
{
    const Py_ssize_t *shape = view->shape + view->ndim - 2;
    if (shape[0] == rows && shape[1] == columns) return 1;
    PyErr_Format(PyExc_ValueError, "expected %s of %zd x %zd pixels, found %zd x %zd", name, rows, columns,
                 shape[0], shape[1]);
    return 0;
}

static const InstructionSet *find_set(const char *name)
{
    for (size_t i = 0; i < SET_COUNT; i++)
        if (!strcmp(SETS[i]->name, name) && is_supported(SETS[i])) return SETS[i];
    return PyErr_Format(PyExc_ValueError, "this processor has no instruction set %s", name), NULL;
}

/* A struct of floats; NULL, with an exception, if it has another size. */
static const void *read_facts(Buffers *buffers, PyObject *facts, size_t size)
{
    Py_buffer *view = borrow(buffers, facts, "facts", 1, sizeof(float), 0);
    if (!view) return NULL;
    if ((size_t)view->len != size)
        return PyErr_Format(PyExc_ValueError, "expected %zu bytes of facts, found %zd", size, view->len),
               NULL;
    return view->buf;
}

/* What a call passes about the network: instruction set, facts, channels and packed kernels. */
static const InstructionSet *read_network(Block *b, Buffers *buffers, const char *name, PyObject *facts,
                                          PyObject *kernels, int *channels, const float **packed)
{
    const InstructionSet *set = find_set(name);
    if (!set || !(b->facts = read_facts(buffers, facts, sizeof(Facts)))) return NULL;
    Py_buffer *view;
    Py_ssize_t depth = PyTuple_Size(kernels);
    if (depth < 0) return NULL;
    if (depth > MOST_LAYERS) return PyErr_SetString(PyExc_ValueError, "too many layers"), NULL;
    b->depth = (int)depth;
    for (int layer = 0; layer < b->depth; layer++) {
        view = borrow(buffers, PyTuple_GetItem(kernels, layer), "kernel", 3, sizeof(float), 0);
        if (!view) return NULL;
        Py_ssize_t inputs = view->shape[1], outputs = view->shape[2];
        if (view->shape[0] != 64 || outputs % set->lanes || view->strides[1] != outputs * view->itemsize ||
            view->strides[0] != inputs * view->strides[1] || (layer && channels[layer] != inputs))
            return PyErr_SetString(PyExc_ValueError, "expected packed kernels that fit each other"), NULL;
        channels[layer] = (int)inputs;
        channels[layer + 1] = (int)outputs;
        packed[layer] = view->buf;
    }
    b->channels = channels;
    b->kernels = packed;
    return set;
}

static int read_look(Block *b, Buffers *buffers, PyObject *rows, PyObject *columns)
{
    if (rows == Py_None) return 1;
    Py_buffer *down = borrow(buffers, rows, "row_dither", 1, sizeof(float), 0);
    Py_buffer *across = down ? borrow(buffers, columns, "column_dither", 1, sizeof(float), 0) : NULL;
    if (!across) return 0;
    if (down->shape[0] != b->height * b->ratio || across->shape[0] != b->width * b->ratio) {
        PyErr_SetString(PyExc_ValueError, "expected a dither phase for each row and column");
        return 0;
    }
    b->look.row_dither = down->buf;
    b->look.column_dither = across->buf;
    return 1;
}

static int read_pan(Block *b, Buffers *buffers, PyObject *pan, Py_ssize_t rows, Py_ssize_t columns)
{
    Py_buffer *view = borrow(buffers, pan, "pan", 2, sizeof(uint16_t), 0);
    if (!view || !has_shape(view, "pan", rows * b->ratio, columns * b->ratio)) return 0;
    if (b->given < whole_halo(b)) {
        PyErr_Format(PyExc_ValueError, "expected a halo of %d cells or more, found %d", whole_halo(b),
                     b->given);
        return 0;
    }
    int phases = b->ratio * b->ratio, inputs = phases + b->bands + LEAST_INPUTS;
    if (b->depth &&
        (b->channels[0] != inputs + reads_mul_sharpness(b) || b->channels[b->depth] < 3 * phases + 3)) {
        PyErr_SetString(PyExc_ValueError, "expected a network made for this ratio and these bands");
        return 0;
    }
    b->pan = view->buf;
    b->pan_stride = view->strides[0] / 2;
    return 1;
}

static int read_mul(Block *b, Buffers *buffers, PyObject *mul)
{
    Py_buffer *view = borrow(buffers, mul, "mul", 3, sizeof(uint16_t), 0);
    if (!view) return 0;
    Py_ssize_t rows = view->shape[1], columns = view->shape[2];
    b->bands = (int)view->shape[0];
    if (rows > MOST_CELLS || columns > MOST_CELLS || b->bands < 1 || b->bands > MOST_BANDS) {
        PyErr_SetString(PyExc_ValueError, "expected mul with 1 to 16 bands and at most 32,768 cells a side");
        return 0;
    }
    b->height = (int)(rows - 2 * b->given);
    b->width = (int)(columns - 2 * b->given);
    if (b->height < 1 || b->width < 1) {
        PyErr_SetString(PyExc_ValueError, "expected mul with a halo around its cells");
        return 0;
    }
    b->mul = view->buf;
    b->mul_band = view->strides[0] / 2;
    b->mul_stride = view->strides[1] / 2;
    return 1;
}

/* A mask of some rows and columns, and the stride of its rows. */
static int read_mask(Buffers *buffers, PyObject *mask, const char *name, Py_ssize_t rows, Py_ssize_t columns,
                     const uint8_t **found, ptrdiff_t *stride)
{
    if (mask == Py_None) return 1;
    Py_buffer *view = borrow(buffers, mask, name, 2, 1, 0);
    if (!view || !has_shape(view, name, rows, columns)) return 0;
    *found = view->buf;
    *stride = view->strides[0];
    return 1;
}

/* An image (channels, rows, columns) of the size of the result. */
static Py_buffer *read_result(const Block *b, Buffers *buffers, PyObject *image, const char *name,
                              int channels, Py_ssize_t size, int writable)
{
    Py_buffer *view = borrow(buffers, image, name, 3, size, writable);
    if (!view || !has_shape(view, name, (Py_ssize_t)b->height * b->ratio, (Py_ssize_t)b->width * b->ratio))
        return NULL;
    if (view->shape[0] == channels) return view;
    return PyErr_Format(PyExc_ValueError, "expected %s of %d channels, found %zd", name, channels,
                        view->shape[0]),
           NULL;
}

static int read_out(Block *b, Buffers *buffers, PyObject *out)
{
    if (out == Py_None) return 1;
    Py_ssize_t size = b->look.bits ? b->look.bits / 8 : (Py_ssize_t)sizeof(float);
    Py_buffer *view = read_result(b, buffers, out, "out", 4, size, 1);
    if (!view) return 0;
    b->out = view->buf;
    b->out_channel = view->strides[0] / size;
    b->out_stride = view->strides[1] / size;
    return 1;
}

static int read_images(Block *b, Buffers *buffers, PyObject *pan, PyObject *mul, PyObject *pan_valid,
                       PyObject *mul_valid, PyObject *out)
{
    if (!read_mul(b, buffers, mul)) return 0;
    Py_ssize_t rows = b->height + 2 * b->given, columns = b->width + 2 * b->given;
    if (pan != Py_None && !read_pan(b, buffers, pan, rows, columns)) return 0;
    if (!read_mask(buffers, pan_valid, "pan_valid", rows * b->ratio, columns * b->ratio, &b->pan_valid,
                   &b->pan_valid_stride) ||
        !read_mask(buffers, mul_valid, "mul_valid", rows, columns, &b->mul_valid, &b->mul_valid_stride))
        return 0;
    if (b->pan && !b->pan_valid != !b->mul_valid) {
        PyErr_SetString(PyExc_ValueError, "expected masks of pan and mul, or neither");
        return 0;
    }
    return read_out(b, buffers, out);
}

static float *read_workspace(Buffers *buffers, PyObject *workspace, size_t floats)
{
    Py_buffer *space = borrow(buffers, workspace, "workspace", 1, sizeof(float), 1);
    if (!space) return NULL;
    if ((size_t)space->shape[0] < floats || (uintptr_t)space->buf % sizeof(double))
        return PyErr_Format(PyExc_ValueError, "expected a workspace of %zu aligned floats, found %zd", floats,
                            space->shape[0]),
               NULL;
    return space->buf;
}

PyDoc_STRVAR(sharpen_doc,
             "sharpen(set, facts, kernels, ratio, given, pan, mul, pan_valid, mul_valid, look, row_dither,\n"
             "        column_dither, out, workspace)\n--\n\n"
             "Sharpen a block or, without pan, render mul. The interpreter lock is released.\n\n"
             "Returns the number of valid pixels; without `out`, the floats that the workspace must have.");

static PyObject *sharpen(PyObject *self, PyObject *args)
{
    (void)self;
    const char *name;
    PyObject *facts, *kernels, *pan, *mul, *pan_valid, *mul_valid, *rows, *columns, *out, *workspace;
    PyObject *result = NULL;
    Block b = {0};
    int channels[MOST_LAYERS + 1] = {0};
    const float *packed[MOST_LAYERS];
    Look *look = &b.look;
    float *black = look->black, *gain = look->gain;
    Buffers buffers;
    buffers.count = 0;
    if (!PyArg_ParseTuple(args, "sOO!iiOOOO(ifff(fff)(fff))OOOO", &name, &facts, &PyTuple_Type, &kernels,
                          &b.ratio, &b.given, &pan, &mul, &pan_valid, &mul_valid, &look->bits,
                          &look->exposure, &look->contrast, &look->saturation, &black[0], &black[1],
                          &black[2], &gain[0], &gain[1], &gain[2], &rows, &columns, &out, &workspace))
        return NULL;
    look->has_tone_curve = look->exposure > 0;
    look->white = look->bits ? (float)((1 << look->bits) - 1) : 1;
    int ratio_fits = pan == Py_None ? b.ratio == 1 && !b.given : b.ratio >= 2 && b.ratio <= MOST_RATIO;
    if (!ratio_fits || b.given < 0 || b.given > MOST_CELLS ||
        (b.look.bits != 8 && b.look.bits != 16 && (b.look.bits || pan == Py_None))) {
        PyErr_SetString(PyExc_ValueError, "expected a ratio of 2 to 6 and 0, 8 or 16 bits; 1 without pan");
        return NULL;
    }
    const InstructionSet *set = read_network(&b, &buffers, name, facts, kernels, channels, packed);
    if (!set || !read_images(&b, &buffers, pan, mul, pan_valid, mul_valid, out) ||
        !read_look(&b, &buffers, rows, columns))
        goto done;
    size_t floats = set->workspace(&b);
    if (out == Py_None) {
        result = PyLong_FromSize_t(floats);
        goto done;
    }
    float *memory = read_workspace(&buffers, workspace, floats);
    if (!memory) goto done;
    int64_t valid;
    Py_BEGIN_ALLOW_THREADS valid = set->sharpen(&b, memory);
    Py_END_ALLOW_THREADS result = PyLong_FromLongLong(valid);
done:
    release(&buffers);
    return result;
}

/* The colour of the result, as `sharpen` gives it. */
static int read_oklab(BandBlock *bands, Buffers *buffers, PyObject *oklab)
{
    if (oklab == Py_None) return 1;
    Py_buffer *view = read_result(&bands->block, buffers, oklab, "oklab", 4, sizeof(float), 0);
    if (!view) return 0;
    bands->oklab = view->buf;
    bands->oklab_channel = view->strides[0] / view->itemsize;
    bands->oklab_stride = view->strides[1] / view->itemsize;
    return 1;
}

static int read_chosen(BandBlock *bands, Buffers *buffers, PyObject *chosen)
{
    Py_buffer *view = borrow(buffers, chosen, "chosen", 1, sizeof(int), 0);
    if (!view) return 0;
    const int *numbers = view->buf;
    int fits = view->shape[0] >= 1 && view->shape[0] <= MOST_BANDS;
    for (Py_ssize_t i = 0; i < view->shape[0] && fits; i++)
        fits = numbers[i] >= 0 && numbers[i] < bands->block.bands;
    if (!fits) return PyErr_SetString(PyExc_ValueError, "expected numbers of bands that mul has"), 0;
    bands->count = (int)view->shape[0];
    bands->chosen = numbers;
    return 1;
}

static int read_bands_out(BandBlock *bands, Buffers *buffers, PyObject *out)
{
    if (out == Py_None) return 1;
    Py_buffer *view = read_result(&bands->block, buffers, out, "out", bands->count, sizeof(uint16_t), 1);
    if (!view) return 0;
    bands->out = view->buf;
    bands->out_band = view->strides[0] / view->itemsize;
    bands->out_stride = view->strides[1] / view->itemsize;
    return 1;
}

PyDoc_STRVAR(sharpen_bands_doc,
             "sharpen_bands(set, facts, band_facts, ratio, given, pan, mul, pan_valid, mul_valid, chosen,\n"
             "              oklab, out, workspace)\n--\n\n"
             "Sharpen bands of a block. The interpreter lock is released.\n\n"
             "Returns the number of valid pixels; without `out`, the floats that the workspace must have.");

static PyObject *sharpen_bands(PyObject *self, PyObject *args)
{
    (void)self;
    const char *name;
    PyObject *facts, *band_facts, *pan, *mul, *pan_valid, *mul_valid, *chosen, *oklab, *out, *workspace;
    PyObject *result = NULL;
    BandBlock bands = {0};
    Block *b = &bands.block;
    Buffers buffers;
    buffers.count = 0;
    if (!PyArg_ParseTuple(args, "sOOiiOOOOOOOO", &name, &facts, &band_facts, &b->ratio, &b->given, &pan, &mul,
                          &pan_valid, &mul_valid, &chosen, &oklab, &out, &workspace))
        return NULL;
    if (pan == Py_None || b->ratio < 2 || b->ratio > MOST_RATIO || b->given < BANDS_HALO ||
        b->given > MOST_CELLS) {
        PyErr_Format(PyExc_ValueError, "expected pan, a ratio of 2 to %d and a halo of %d cells or more",
                     MOST_RATIO, BANDS_HALO);
        return NULL;
    }
    const InstructionSet *set = find_set(name);
    if (!set || !(b->facts = read_facts(&buffers, facts, sizeof(Facts))) ||
        !(bands.facts = read_facts(&buffers, band_facts, sizeof(BandFacts))) ||
        !read_images(b, &buffers, pan, mul, pan_valid, mul_valid, Py_None) ||
        !read_chosen(&bands, &buffers, chosen) || !read_oklab(&bands, &buffers, oklab) ||
        !read_bands_out(&bands, &buffers, out))
        goto done;
    size_t floats = set->bands_workspace(&bands);
    if (out == Py_None) {
        result = PyLong_FromSize_t(floats);
        goto done;
    }
    float *memory = read_workspace(&buffers, workspace, floats);
    if (!memory) goto done;
    int64_t valid;
    Py_BEGIN_ALLOW_THREADS valid = set->sharpen_bands(&bands, memory);
    Py_END_ALLOW_THREADS result = PyLong_FromLongLong(valid);
done:
    release(&buffers);
    return result;
}

static PyMethodDef METHODS[] = {{"sharpen", sharpen, METH_VARARGS, sharpen_doc},
                                {"sharpen_bands", sharpen_bands, METH_VARARGS, sharpen_bands_doc},
                                {NULL, NULL, 0, NULL}};

/* `SETS`: name and lanes of each instruction set of this processor, the best first. */
static int add_sets(PyObject *module)
{
    PyObject *sets = PyDict_New();
    if (!sets) return -1;
    for (size_t i = 0; i < SET_COUNT; i++) {
        if (!is_supported(SETS[i])) continue;
        PyObject *lanes = PyLong_FromLong(SETS[i]->lanes);
        if (!lanes || PyDict_SetItemString(sets, SETS[i]->name, lanes))
            return Py_XDECREF(lanes), Py_DECREF(sets), -1;
        Py_DECREF(lanes);
    }
    int status = PyModule_AddObjectRef(module, "SETS", sets);
    Py_DECREF(sets);
    return status;
}

static PyModuleDef_Slot SLOTS[] = {{Py_mod_exec, add_sets}, {0, NULL}};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_native", "Sharpening in native code.", 0, METHODS, SLOTS, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&MODULE);
}
