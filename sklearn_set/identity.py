"""Digests of parameters, data and functions: equal things have equal digests, in every process.

A checkpoint stores the digest of its fit.  Equal means equal in effect: a number of Python equals
the same number of NumPy, and an array equals one of another layout in memory.  Functions are equal
if they have the same name and do the same.  Knows objects of any kind; must not know estimators.
"""

import copyreg
import functools
import hashlib
import sys
import types
from numbers import Integral, Real
from pathlib import PurePath

import numpy as np
from scipy import sparse

# Attributes that do not change what a class does, or that Python adds later.
_NO_CONTENT = {
    "__abstractmethods__",
    "__annotate__",
    "__annotate_func__",
    "__annotations__",
    "__annotations_cache__",
    "__dict__",
    "__doc__",
    "__firstlineno__",
    "__module__",
    "__orig_bases__",
    "__parameters__",
    "__qualname__",
    "__slotnames__",
    "__static_attributes__",
    "__type_params__",
    "__weakref__",
    "_abc_impl",
}


def digest_of(value):
    """Digest of a value by its content.

    Installed functions and classes are known by their names.  The user's own functions are known
    by their names, code, defaults and enclosed values, the user's own classes by their members.
    Any other object is known by what pickle would store.  A function's global names are not
    followed.

    Parameters
    ----------
    value : object
        Of any kind, containers included.

    Returns
    -------
    str
        Hexadecimal digits, the same in every process of one version of Python.

    Raises
    ------
    ValueError
        If the content of an object in it cannot be known.
    """
    try:
        return _digest(value, ()).hex()
    except RecursionError as error:
        raise ValueError("An object is nested too deep to be compared with others.") from error


def _digest(value, around):
    """Digest of a value; `around` are the identities of what it is a part of."""
    plain = _plain(value)
    if plain is not None:
        return _sum(*plain)
    if id(value) in around:  # it contains itself: how many levels above counts
        return _sum(b"again", str(len(around) - around.index(id(value))).encode())
    kind, parts, is_ordered = _parts(value)
    around = (*around, id(value))
    digests = [_digest(part, around) for part in parts]
    return _sum(kind.encode(), *(digests if is_ordered else sorted(digests)))


def _sum(*parts):
    """Digest of several parts; their lengths are included, so that no two lists are confused."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.digest()


def _plain(value):
    """Kind and content of a value without parts, or None."""
    if value is None or value is Ellipsis or value is NotImplemented:
        return b"constant", repr(value).encode()
    if isinstance(value, str):
        return b"text", str.encode(value, "utf-8", "surrogatepass")
    if type(value) in (bytes, bytearray):
        return b"bytes", value
    if isinstance(value, np.dtype):
        return b"dtype", repr(value).encode()
    if isinstance(value, np.number | np.bool_):
        value = value.item()
    if isinstance(value, Real):
        number = _number(value)
        return None if number is None else (b"number", number.encode())
    return None


def _number(value):
    """A text that is the same for equal numbers; None for a number that no float equals."""
    if isinstance(value, Integral):
        return str(int(value))
    as_float = float(value)
    if as_float != as_float:
        return "nan"
    if as_float != value:
        return None
    text = as_float.hex()
    return str(int(as_float)) if as_float.is_integer() and text != "-0x0.0p+0" else text


def _parts(value):
    """Kind of a value, its parts, and whether their order counts."""
    kind = type(value)
    if kind in (list, tuple):
        return "sequence", value, True
    if kind in (dict, types.MappingProxyType):
        return "mapping", list(value.items()), False
    if kind in (set, frozenset):
        return "set", value, False
    if kind in (np.ndarray, np.memmap):
        content = value.tolist() if value.dtype.hasobject else _content(value)
        return "array", (value.dtype, value.shape, content), True
    if sparse.issparse(value):
        rows = value.tocsr()
        return "sparse", (rows.shape, rows.data, rows.indices, rows.indptr), True
    if kind is np.random.RandomState:
        return "stream", (value.get_state(legacy=False),), True
    if kind is types.CodeType:
        return "code", _parts_of_code(value), True
    if kind is types.ModuleType:
        return "module", (value.__name__,), True
    if kind is types.MethodType:
        return "method", (value.__self__, value.__func__), True
    if kind in (staticmethod, classmethod):
        return kind.__name__, (value.__func__,), True
    if kind is property:
        return "property", (value.fget, value.fset, value.fdel), True
    if kind is functools.cached_property:
        return "cached property", (value.func,), True
    if isinstance(value, types.FunctionType | type):
        name = value.__module__, value.__qualname__
        if _is_installed(value):
            return "name", name, True
        if isinstance(value, type):
            members = {key: part for key, part in vars(value).items() if key not in _NO_CONTENT}
            return "class", (name, value.__bases__, members), True
        cells = [_content_of_cell(cell) for cell in value.__closure__ or ()]
        defaults = value.__defaults__, value.__kwdefaults__
        return "function", (name, value.__code__, defaults, cells, vars(value)), True
    return _parts_of_object(value)


def _content(array):
    """Digest of the numbers of an array, in C order, without a copy of all of them."""
    found = hashlib.sha256()
    if array.flags.c_contiguous:
        found.update(array.reshape(-1).view(np.uint8) if array.nbytes else b"")
    else:
        flags = ["external_loop", "buffered", "zerosize_ok"]
        for part in np.nditer(array, flags=flags, order="C", buffersize=1 << 16):
            found.update(part.tobytes())
    return found.digest()


def _parts_of_code(code):
    """What a compiled function does, without its place in a file."""
    return (
        *(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags),
        *(code.co_code, code.co_exceptiontable),
        *(code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
        [_typed(constant) for constant in code.co_consts],
    )


def _typed(constant):
    """A constant with its type: in code 1 and 1.0 are not the same."""
    if isinstance(constant, tuple | frozenset):
        return type(constant).__name__, type(constant)(map(_typed, constant))
    return constant if isinstance(constant, types.CodeType) else (type(constant).__name__, constant)


def _content_of_cell(cell):
    """An enclosed value in a list; the list is empty if there is no value yet."""
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


def _is_installed(thing):
    """Tell whether a function or class can be found by its name in an installed module."""
    module = sys.modules.get(thing.__module__)
    if _named(module, thing.__qualname__) is not thing:
        return False
    if module.__name__.partition(".")[0] in sys.stdlib_module_names:
        return True
    folders = PurePath(getattr(module, "__file__", None) or "").parts
    return "site-packages" in folders or "dist-packages" in folders


def _named(module, qualified_name):
    """The object of that name, or None."""
    found = module
    for name in qualified_name.split("."):
        found = getattr(found, name, None)
    return found


def _parts_of_object(value):
    """What pickle would store of an object."""
    kind = type(value)
    try:
        reduce = copyreg.dispatch_table.get(kind)
        made_of = value.__reduce_ex__(4) if reduce is None else reduce(value)
        if isinstance(made_of, str):  # the name of a global
            module = getattr(value, "__module__", None)
            if module is not None and _named(sys.modules.get(module), made_of) is not value:
                raise TypeError(f"{made_of} is not found in {module}")
            return "name", (module or kind, made_of), True
        filled = *made_of, *[None] * (6 - len(made_of))
        make, arguments, state, items, pairs, setter = filled
        parts = (
            *(make, arguments, state, None if items is None else list(items)),
            *(None if pairs is None else dict(pairs), setter),
        )
        return "object", parts, True
    except Exception as error:
        raise ValueError(
            f"An object of type '{kind.__module__}.{kind.__qualname__}' cannot be compared with "
            f"others, since it cannot be pickled ({error}). Use one that can be pickled."
        ) from error
