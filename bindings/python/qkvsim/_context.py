"""Contexts, one a thread, and the one way in which the C library is called.

A call that computes may take long: it lets other threads run, shows its progress and can be
cancelled by Ctrl-C. What a signal's handler or a progress callback raises must not be lost in C,
where Python can only print it: it is kept, the call is cancelled, and it is raised again.
"""
import ctypes
import os
import signal
import threading
from ctypes import byref, c_void_p
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from . import _declarations as C
from ._errors import InvalidArgument, error_of, optional
from ._library import library, path, version

Progress = Union[None, bool, Callable[[int, int], Any]]
Function = Callable[..., int]

# Those of the signal module make enumerations, which takes ten times as long.
_plain: Any = getattr(signal, "_signal", signal)
_get_handler, _set_handler = _plain.getsignal, _plain.signal
_SIGNALS = [number for number in (getattr(signal, name, None)
                                  for name in ("SIGINT", "SIGALRM", "SIGTERM"))
            if number is not None]
_default_threads = 0


def set_threads(threads: Optional[int]) -> None:
    """Sets how many threads the calls after this one use.

    Parameters
    ----------
    threads : int or None
        1 to 1024; None: every processor this process may run on.

    Raises
    ------
    InvalidArgument
        Where it is no such number.

    Examples
    --------
    >>> import qkvsim
    >>> qkvsim.set_threads(2)
    >>> qkvsim.set_threads(None)
    """
    global _default_threads
    _default_threads = _thread_count(threads)


def _thread_count(threads: Optional[int]) -> int:
    if threads is None:
        return 0
    if isinstance(threads, bool) or not hasattr(threads, "__index__"):
        raise InvalidArgument(f"threads is a number from 1 to 1024, or None, not {threads!r}")
    if not 1 <= threads <= 1024:
        raise InvalidArgument(f"threads is a number from 1 to 1024, or None, not {threads}")
    return int(threads)


class _Watch:
    """What a call raised while C was running, and whom to tell how far it is."""

    __slots__ = ("raised", "progress")

    def __init__(self) -> None:
        self.raised: Optional[BaseException] = None
        self.progress: Optional[Callable[[int, int], Any]] = None

    def tick(self, user: Any, done: int, total: int) -> int:
        try:
            if self.progress is not None and self.raised is None:
                self.progress(done, total)
        except BaseException as error:  # raised again when the call has returned
            self.raised = error
        return 0 if self.raised is None else 1


class _Context:
    """A C context, and the process it belongs to."""

    def __init__(self, threads: int) -> None:
        self.threads, self.process = threads, os.getpid()
        self.watch = _Watch()
        self.callback = C.Progress(self.watch.tick)
        self.watched = False
        self.pointer = c_void_p()
        error = ctypes.create_string_buffer(512)
        options = C.ContextOptions(ctypes.sizeof(C.ContextOptions), threads=threads,
                                   error=ctypes.addressof(error), error_size=len(error))
        status = library.qkvsim_context_create(byref(options), byref(self.pointer))
        if status != 0:
            raise error_of(status, error.value.decode())

    def set_watched(self, watched: bool) -> None:
        if watched != self.watched:
            library.qkvsim_context_set_progress(
                self.pointer, self.callback if watched else C.Progress(), None)
            self.watched = watched

    def __del__(self, getpid: Callable[[], int] = os.getpid) -> None:
        # That of another process, from before a fork, is none of ours.
        if getattr(self, "pointer", None) and self.process == getpid():
            library.qkvsim_context_free(self.pointer)


class _Idle(threading.local):
    """This thread's contexts that are in no call; a callback that calls again needs a second."""

    def __init__(self) -> None:
        self.contexts: List[_Context] = []


_idle = _Idle()
# A child of a fork is to make its own. It has but the thread that forked, so this is all of them.
os.register_at_fork(after_in_child=lambda: _idle.contexts.clear())


def _acquire(threads: Optional[int]) -> _Context:
    """A context of so many threads, or of any number."""
    contexts = _idle.contexts
    while contexts:
        context = contexts.pop()
        if threads is None or threads == context.threads:
            return context
    return _Context(_default_threads if threads is None else threads)


def _release(context: _Context) -> None:
    _idle.contexts.append(context)


def about() -> Dict[str, str]:
    """What the package runs with, as a report of a bug is to say.

    Returns
    -------
    dict
        The library's version and file, the inner loops that this processor gets, and the OpenBLAS
        that multiplies.

    Examples
    --------
    >>> import qkvsim
    >>> sorted(qkvsim.about())
    ['blas', 'kernels', 'library', 'version']
    """
    context = _acquire(None)
    try:
        kernels = library.qkvsim_context_kernels(context.pointer).decode()
    finally:
        _release(context)
    return {"version": version(), "library": path, "kernels": kernels,
            "blas": library.qkvsim_blas_description().decode().strip()}


def call(function: Function, *arguments: Any, parts: Optional[Sequence[str]] = None) -> None:
    """Makes a short call, for which any context will do: the next that computes finds its own, with
    the memory that it works in."""
    context = _acquire(None)
    try:
        status = function(context.pointer, *arguments)
        if status != 0:
            raise error_of(status, library.qkvsim_context_error(context.pointer).decode(), parts)
    finally:
        _release(context)


def compute(function: Function, *arguments: Any, parts: Optional[Sequence[str]] = None,
            threads: Optional[int] = None, progress: Progress = None) -> None:
    """Makes a call that may take long."""
    main = threading.current_thread() is threading.main_thread()
    count = _default_threads if threads is None else _thread_count(threads)
    if progress is not None and progress is not False:
        with _progress_of(progress) as report:
            _watched_call(function, arguments, parts, count, main, report)
    else:
        _watched_call(function, arguments, parts, count, main, None)


def _watched_call(function: Function, arguments: Sequence[Any], parts: Optional[Sequence[str]],
                  threads: int, main: bool, report: Optional[Callable[[int, int], Any]]) -> None:
    context = _acquire(threads)
    watch = context.watch
    handlers: Dict[int, Any] = {}
    try:
        context.set_watched(main or report is not None)
        watch.progress, watch.raised = report, None
        if main:
            _take_signals(watch, handlers)
        status = function(context.pointer, *arguments)
    finally:
        for number, handler in handlers.items():
            _set_handler(number, handler)
        raised, watch.raised, watch.progress = watch.raised, None, None
        _release(context)
    if raised is not None:
        raise raised
    if status != 0:
        raise error_of(status, library.qkvsim_context_error(context.pointer).decode(), parts)


def _take_signals(watch: _Watch, handlers: Dict[int, Any]) -> None:
    """Python runs a signal's handler at the first instruction of the callback, before any `try`
    there, and what it raises would be lost: so handlers run in one that keeps it."""
    def handle(number: int, frame: Any) -> None:
        try:
            handlers[number](number, frame)
        except BaseException as error:
            watch.raised = error

    for number in _SIGNALS:
        handler = _get_handler(number)
        if callable(handler):
            handlers[number] = handler
            try:
                _set_handler(number, handle)
            except ValueError:  # a subinterpreter, which gets no signals
                del handlers[number]


class _progress_of:
    """The function to be told (done, total): the caller's own, or one that moves a bar."""

    def __init__(self, progress: Progress) -> None:
        if progress is not True and not callable(progress):
            raise InvalidArgument("progress is True, or a function of (done, total), "
                                  f"not {progress!r}")
        self.progress = progress
        self.bar: Any = None

    def __enter__(self) -> Callable[[int, int], Any]:
        if self.progress is not True:
            assert callable(self.progress)
            return self.progress
        module: Any = optional("tqdm.auto", "progress=True", "tqdm")
        self.bar = bar = module.tqdm(total=1)

        def move(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)
        return move

    def __exit__(self, *raised: Any) -> None:
        if self.bar is not None:
            self.bar.close()
