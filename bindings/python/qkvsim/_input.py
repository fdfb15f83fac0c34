"""Whatever people hold as an input of the C library, read where it lies wherever it can be."""
import sys
from collections.abc import Mapping as MappingABC
from ctypes import addressof, sizeof
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union
from weakref import ref
from zlib import crc32

import numpy as np

from . import _declarations as C
from ._errors import InvalidArgument, WrongType
from ._words import NONFINITE, number_of, precision_of

Data = Any
Heads = Union[None, int, Mapping[str, int]]
Selected = Any

_DTYPES = {np.dtype(np.float16): C.DTYPE_F16, np.dtype(np.float32): C.DTYPE_F32,
           np.dtype(np.float64): C.DTYPE_F64}
_ON_HOST = (1, 3, 11)  # kDLCPU, kDLCUDAHost, kDLROCMHost of DLPack
_AXES = {"observations": 0, "batch": 0, "tokens": 0, "heads": 1, "width": 1, "features": 1}
_VIEW, _INPUT, _SELECTION = sizeof(C.View), sizeof(C.Input), sizeof(C.Selection)


def _array_of_tensor(tensor: Any, name: str) -> Tuple[np.ndarray, int]:
    """A PyTorch tensor's memory. NumPy has no bfloat16: its bits pass as int16."""
    torch = sys.modules["torch"]
    if tensor.device.type != "cpu":
        raise WrongType(f"{name} is on device {tensor.device}: pass {name}.cpu()")
    if tensor.layout is not torch.strided:
        raise WrongType(f"{name} is sparse: pass {name}.to_dense()")
    if tensor.is_complex():
        raise WrongType(f"{name} is complex: similarities are of real numbers; "
                        "pass its real part or its magnitude")
    tensor = tensor.detach().resolve_neg()
    if tensor.dtype is torch.bfloat16:
        return tensor.view(torch.int16).numpy(), C.DTYPE_BF16
    return tensor.numpy(), 0


def _array_of(value: Any, name: str) -> Tuple[np.ndarray, int]:
    """The value as an array, copied only where there is no other way; and its type where NumPy does
    not know it."""
    kind = type(value)
    if kind is np.ndarray:
        return value, 0
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.is_masked(value):
            raise WrongType(f"{name} is a masked array: pass {name}.filled(numpy.nan) with "
                            'nonfinite="drop" or "undefined"')
        return value.data, 0
    if kind.__module__.split(".")[0] == "torch" or hasattr(value, "is_sparse_csr"):
        return _array_of_tensor(value, name)
    if hasattr(value, "__cuda_array_interface__"):
        raise WrongType(f"{name} is on a CUDA device: copy it to the host first")
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise WrongType(f"{name} is sparse: pass {name}.toarray()")
    if hasattr(value, "to_numpy"):  # pandas, polars, xarray
        return np.asarray(value.to_numpy()), 0
    if not hasattr(value, "__array_interface__") and hasattr(value, "__dlpack_device__"):
        device = value.__dlpack_device__()
        if device[0] not in _ON_HOST:
            raise WrongType(f"{name} is on device {device[0]}:{device[1]} of DLPack: "
                            "copy it to the host first")
        try:
            return np.from_dlpack(value), 0
        except (BufferError, TypeError, RuntimeError, ValueError):
            if not hasattr(value, "__array__"):
                raise
    try:
        return np.asarray(value), 0
    except ValueError as error:
        raise InvalidArgument(f"{name} is ragged: its rows differ in length ({error})") from None


def _readable(array: np.ndarray, name: str, number: int = 0) -> Tuple[np.ndarray, int]:
    """An array that C reads in place: this one if it can be, else a copy."""
    dtype = array.dtype
    number = number or _DTYPES.get(dtype, 0)
    if number == 0:
        if dtype.name == "bfloat16":
            array, number = array.view(np.uint16), C.DTYPE_BF16
        elif dtype.kind == "f" and not dtype.isnative:
            return _readable(array.astype(dtype.newbyteorder("=")), name)
        elif dtype.kind in "biuf":
            exact = dtype.kind == "b" or (dtype.kind in "iu" and dtype.itemsize <= 2)
            return _readable(array.astype(np.float32 if exact else np.float64), name)
        elif dtype.name.startswith("float8") or dtype.name.startswith("float4"):
            return _readable(array.astype(np.float32), name)
        else:
            what = {"O": "of Python objects", "U": "of text", "S": "of bytes", "c": "complex",
                    "M": "of dates", "m": "of times", "V": "of records"}.get(dtype.kind, "")
            raise WrongType(f"{name} is {what or dtype}: pass real numbers, such as "
                            f"{name}.astype(float)" if dtype.kind != "c" else
                            f"{name} is complex: similarities are of real numbers; "
                            "pass its real part or its magnitude")
    item, (down, across) = array.itemsize, array.strides
    if down % item or across % item or not down or not across or not array.flags.aligned:
        array = array.copy()
    return array, number


def _readings(shape: Tuple[int, ...], heads: Optional[int]) -> List[str]:
    """What the axes of an array of three or more can be."""
    if len(shape) == 3:
        readings = ["observations heads width"] if heads in (None, shape[1]) else []
        if heads is None or shape[2] % heads == 0:
            readings.append("batch tokens features")
        return readings
    readings = ["batch heads tokens width"] if heads in (None, shape[1]) else []
    return readings + (["batch tokens heads width"] if heads in (None, shape[2]) else [])


def _flat(array: np.ndarray, name: str, layout: Optional[str],
          heads: Optional[int]) -> Tuple[np.ndarray, Optional[int]]:
    """Observations x features, and the number of heads that the axes tell."""
    if layout is None and array.ndim == 2:
        return array, None
    if layout is None and array.ndim in (3, 4):
        readings = _readings(array.shape, heads)
        if len(readings) != 1:
            many = [f'layout="{reading}"' for reading in readings]
            raise InvalidArgument(
                f"{name} has the shape {array.shape}: say what its axes are, "
                + (" or ".join(many) if many else 'such as layout="batch tokens features"'))
        layout = readings[0]
    if layout is None:
        raise InvalidArgument(f"{name} is to have 2 dimensions, observations x features, "
                              f"and has the shape {array.shape}")
    axes = layout.split()
    if len(axes) != array.ndim or len(set(axes)) < len(axes) or any(a not in _AXES for a in axes):
        raise InvalidArgument(f"layout is a word for each of the {array.ndim} axes of {name}, of "
                              f"{', '.join(_AXES)}, not {layout!r}")
    order = sorted(range(len(axes)), key=lambda axis: (
        _AXES[axes[axis]], list(_AXES).index(axes[axis])))
    array = array.transpose(order)
    rows = sum(_AXES[axis] == 0 for axis in axes)
    if rows == 0 or rows == len(axes):
        raise InvalidArgument(f"layout {layout!r} has no axis of "
                              + ("observations" if rows == 0 else "features"))
    found = array.shape[[axes[i] for i in order].index("heads")] if "heads" in axes else None
    shape = array.shape
    return array.reshape(int(np.prod(shape[:rows])), int(np.prod(shape[rows:]))), found


class Input:
    """A `qkvsim_input`, and everything that it points to."""

    def __init__(self, data: Data, *, observations: Selected = None, segments: Any = None,
                 precision: Any = None, nonfinite: str = "error", heads: Heads = None,
                 layout: Optional[str] = None, name: str = "data",
                 may_select_none: bool = False) -> None:
        self.kept: List[Any] = []
        self.held: List[Any] = []
        self.heads: Dict[str, int] = {}
        self.names: Optional[List[str]] = None
        self.widths: List[int] = []
        self.read: List[Tuple[Optional[str], str, int]] = []  # name, type and features of each part
        # A layer of a capture has parts.
        parts = data if type(data) is np.ndarray else getattr(data, "parts", data)
        if type(parts) is not np.ndarray and isinstance(parts, MappingABC) \
                and not hasattr(parts, "__array__"):
            if not parts:
                raise InvalidArgument(f"{name} has no parts")
            self.names = [str(key) for key in parts]
            self.labels = [f"{name}[{key!r}]" for key in parts]
            views = [self._view(part, label, value, heads, layout)
                     for part, label, value in zip(self.names, self.labels, parts.values())]
        else:
            self.labels, views = [name], [self._view(None, name, data, heads, layout)]
        self.views = views
        # Of one part, its view is the array: one more takes a microsecond.
        self.block: Any = views[0] if len(views) == 1 else (C.View * len(views))(*views)
        self.observations = rows = self.kept[0].shape[0]
        self.features = sum(self.widths)
        for array, label in zip(self.kept, self.labels) if len(views) > 1 else ():
            if array.shape[0] != rows:
                raise InvalidArgument(f"{label} has {array.shape[0]} observations and "
                                      f"{self.labels[0]} has {rows}")
        self.selection = None if observations is None else selection_of(
            observations, rows, "observations", may_select_none)
        if isinstance(segments, str):
            raise WrongType("segments is a number or a name for each observation")
        self.segments = None if segments is None else segments_of(segments, rows)
        self.struct = C.Input(
            _INPUT, addressof(self.block), len(views),
            None if self.selection is None else addressof(self.selection),
            None if self.segments is None else address_of(self.segments),
            precision_of(precision), number_of(NONFINITE, nonfinite, "nonfinite"))

    def _view(self, name: Optional[str], label: str, value: Any, heads: Heads,
              layout: Optional[str]) -> C.View:
        """A part's view, of an array that is kept."""
        array, number = _array_of(value, label)
        if array.ndim != 2 or layout is not None:
            count = heads.get(name or "") if isinstance(heads, MappingABC) else heads
            array, found = _flat(array, label, layout, count)
            if found is not None and name is not None:
                self.heads[name] = found
        array, number = _readable(array, label, number)
        self.kept.append(array)
        self.held.append(ref(array))  # NumPy resizes no array that has one, whoever asks
        item, (rows, columns), (down, across) = array.itemsize, array.shape, array.strides
        self.widths.append(columns)
        self.read.append((name, _NAMES[number], columns))
        return C.View(_VIEW, address_of(array), rows, columns, down // item, across // item,
                      number)


_NAMES = {C.DTYPE_F16: "float16", C.DTYPE_BF16: "bfloat16", C.DTYPE_F32: "float32",
          C.DTYPE_F64: "float64"}


def address_of(array: np.ndarray) -> int:
    """Where an array's memory begins."""
    address: int = array.__array_interface__["data"][0]
    return address


def indices_of(selected: Selected, observations: int, name: str) -> np.ndarray:
    """A mask, indices, a slice or a range as an array of booleans or of int64."""
    if isinstance(selected, slice):
        return np.arange(observations, dtype=np.int64)[selected]
    array = np.asarray(selected) if not hasattr(selected, "detach") \
        else np.asarray(selected.detach().cpu())
    if array.ndim != 1:
        raise InvalidArgument(f"{name} is one mask or one list of indices, "
                              f"not of the shape {array.shape}")
    if array.dtype == np.bool_:
        if array.size != observations:
            raise InvalidArgument(f"the mask {name} has {array.size} entries for "
                                  f"{observations} observations")
        return array
    if array.dtype.kind not in "iu" and array.size > 0:
        raise WrongType(f"{name} is a boolean mask, integer indices or a slice, "
                        f"not {array.dtype}")
    array = array.astype(np.int64, copy=False)
    outside = (array < -observations) | (array >= observations)
    if outside.any():
        raise InvalidArgument(f"{name} has {array[outside][0]}, and observations go from 0 to "
                              f"{observations - 1}")
    return np.where(array < 0, array + observations, array)


def mask_of(selected: Selected, observations: int, name: str) -> np.ndarray:
    """A selection as one boolean an observation."""
    array = indices_of(selected, observations, name)
    if array.dtype == np.bool_:
        return array
    mask = np.zeros(observations, np.bool_)
    mask[array] = True
    if int(mask.sum()) != array.size:
        raise InvalidArgument(f"{name} has an observation twice")
    return mask


def selection_of(selected: Selected, observations: int, name: str,
                 may_be_none: bool = False) -> C.Selection:
    """A `qkvsim_selection`, which keeps what it points to."""
    array = np.ascontiguousarray(indices_of(selected, observations, name))
    if may_be_none and array.size == 0:
        array = np.zeros(observations, np.bool_)
    elif not may_be_none and (array.size == 0 or (array.dtype == np.bool_ and not array.any())):
        raise InvalidArgument(f"{name} selects no observation")
    mask = array.dtype == np.bool_
    made = C.Selection(_SELECTION, None if mask else address_of(array),
                       address_of(array) if mask else None, array.size)
    made.kept = array
    return made


def segments_of(segments: Any, observations: int) -> np.ndarray:
    array = np.asarray(segments)
    if array.shape != (observations,):
        raise InvalidArgument(f"segments has the shape {array.shape} for "
                              f"{observations} observations: one number or name for each")
    if not _are_numbers(array):
        array = np.unique(array, return_inverse=True)[1]
    return np.ascontiguousarray(array, dtype=np.int32)


def _are_numbers(array: np.ndarray) -> bool:
    """Whether all are whole numbers that C has as they are."""
    limits = np.iinfo(np.int32)
    return array.dtype.kind in "iub" and (array.size == 0 or bool(
        limits.min <= int(array.min()) and int(array.max()) <= limits.max))


def documents_of(segments: Any) -> Any:
    """Segments of a chunk of a stream, whose last document may go on in the next: a name has the
    same number in both."""
    array = np.asarray(segments)
    if _are_numbers(array):
        return array
    names, places = np.unique(array, return_inverse=True)
    numbers = np.array([crc32(str(name).encode()) for name in names], np.uint32)
    return numbers.view(np.int32)[places]


def bins_of(bins: Any) -> Tuple[Optional[C.Bins], int]:
    """Bins, and their number: of a number, (number, low, high), or edges."""
    if bins is None:
        return None, 100
    if isinstance(bins, (int, np.integer)) and not isinstance(bins, bool):
        return C.Bins(sizeof(C.Bins), bins, -1.0, 1.0, None), int(bins)
    if isinstance(bins, tuple) and len(bins) == 3 and isinstance(bins[0], (int, np.integer)):
        return C.Bins(sizeof(C.Bins), bins[0], bins[1], bins[2], None), int(bins[0])
    edges = np.ascontiguousarray(bins, dtype=np.float64)
    if edges.ndim != 1 or edges.size < 2:
        raise InvalidArgument("bins is a number of bins, (number, low, high), or their edges")
    made = C.Bins(sizeof(C.Bins), edges.size - 1, 0.0, 0.0, address_of(edges))
    made.kept = edges
    return made, edges.size - 1


def matrix_of(array: np.ndarray) -> C.Matrix:
    """The `qkvsim_matrix` of an array that C writes."""
    number = C.DTYPE_I32 if array.dtype == np.int32 else _DTYPES[array.dtype]
    made = C.Matrix(sizeof(C.Matrix), address_of(array), *array.shape, array.shape[1], number)
    made.kept = array
    return made


def numbers_array(values: Any, ctype: Any) -> Any:
    """A ctypes array of numbers."""
    return (ctype * len(values))(*values)
