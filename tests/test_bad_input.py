"""Every public call with each of its pointers NULL, each of its arrays too small and each of its structs too short,
too long and with something in what is reserved. The calls are read from the headers, so that a new one without an
example of its parameters fails here.

Usage: test_bad_input.py libqkvsim.so PROJECT
"""
import ctypes
import importlib.util
import math
import pathlib
import random
import re
import sys
import unittest

LIBRARY, PROJECT = sys.argv[1], pathlib.Path(sys.argv[2])
SPEC = importlib.util.spec_from_file_location(
    "declarations", PROJECT / "bindings" / "python" / "qkvsim" / "_declarations.py")
D = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(D)

N, FEATURES, ROOM = 64, 6, 4096
HANDLES = ["context", "layout", "analysis", "baseline", "comparison", "intervals", "accumulator", "pairs"]
SCALARS = {"double": ctypes.c_double, "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64,
           "size_t": ctypes.c_size_t, "void": None}

# What may be NULL, by the name of a parameter of any call, of one call, or of one call's parameter.
OPTIONAL = {"options", "analysis_options", "names", "codes", "bins", "mask", "outside", "rows", "packed", "user",
            "progress", "qkvsim_accumulator_intervals second", "qkvsim_intervals_run second",
            "qkvsim_pairs_run layout", "qkvsim_accumulator_pairs layout", "qkvsim_layout_mask codes"}
REQUIRED = {"qkvsim_pairs_run options", "qkvsim_accumulator_pairs options", "qkvsim_baseline_run options",
            "qkvsim_struct_init options", "qkvsim_layout_mask mask", "qkvsim_histogram_distance bins"}


def signatures():
    found = {}
    for path in sorted((PROJECT / "include" / "qkvsim").glob("*.h")):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        for result, name, parameters in re.findall(r"QKVSIM_API\s+([^;(]*?)(qkvsim_\w+)\(([^;]*)\)\s*;", text):
            split = [" ".join(p.split()) for p in parameters.split(",")]
            found[name] = (result.strip(), [] if split == ["void"] else
                           [re.match(r"(.*?)(\w+)$", p).groups() for p in split])
    return found


def c_type(text):
    text = text.strip()
    if text.endswith("*"):
        return ctypes.c_char_p if text == "const char *" else ctypes.c_void_p
    if text == "qkvsim_progress":
        return ctypes.c_void_p
    return SCALARS[text] if text in SCALARS else ctypes.c_int32


SIGNATURES = signatures()
LIB = ctypes.CDLL(LIBRARY)
for NAME, (RESULT, PARAMETERS) in SIGNATURES.items():
    getattr(LIB, NAME).restype = c_type(RESULT)
    getattr(LIB, NAME).argtypes = [ctypes.c_void_p if t.strip().endswith("*") else c_type(t) for t, _ in PARAMETERS]


def struct(kind, **fields):
    return kind(struct_size=ctypes.sizeof(kind), **fields)


def array(kind, *values):
    return (kind * len(values))(*values)


def address(thing):
    return ctypes.cast(ctypes.pointer(thing), ctypes.c_void_p).value if thing is not None else None


class Examples:
    """Valid arguments of every kind; all that they point to is kept here."""

    def __init__(self):
        source = random.Random(1)
        self.values = (ctypes.c_double * (N * FEATURES))(*(source.gauss(0, 1) for _ in range(N * FEATURES)))
        self.view = struct(D.View, data=address(self.values), observations=N, features=FEATURES,
                           observation_stride=FEATURES, feature_stride=1, dtype=D.DTYPE_F64)
        self.halves = [array(ctypes.c_int64, *range(s, N, 2)) for s in (0, 1)]
        self.selections = [struct(D.Selection, observations=address(half), count=N // 2) for half in self.halves]
        self.handles = {"context": self.make("qkvsim_context_create", None)}
        context = self.handles["context"]
        self.input = struct(D.Input, parts=address(self.view), part_count=1, selection=address(self.selections[0]))
        self.handles["layout"] = layout = self.make("qkvsim_layout_thirds", context, FEATURES)
        given = [context, address(self.input)]
        self.permuted = struct(D.BaselineOptions, permutations=5)
        self.relabelled = struct(D.ComparisonOptions, permutations=5)
        self.resampled = struct(D.IntervalOptions, method=D.METHOD_BOOTSTRAP, resamples=20)
        self.top = struct(D.PairsOptions, top=3)
        self.handles["analysis"] = self.make("qkvsim_analysis_run", *given, layout, None)
        self.handles["baseline"] = self.make("qkvsim_baseline_run", *given, layout, None, address(self.permuted))
        second = address(self.selections[1])
        self.handles["comparison"] = self.make("qkvsim_comparison_run", *given, second, layout, None,
                                               address(self.relabelled))
        self.handles["intervals"] = self.make("qkvsim_intervals_run", *given, second, layout, None,
                                              address(self.resampled))
        self.handles["pairs"] = self.make("qkvsim_pairs_run", *given, layout, address(self.top))
        self.handles["accumulator"] = self.stream(struct(D.AccumulatorOptions, blocks=16))
        self.other = self.stream(struct(D.AccumulatorOptions, blocks=16))
        self.part = self.stream(struct(D.AccumulatorOptions, first_row=0, rows=FEATURES))
        self.kept = []

    def make(self, name, *arguments):
        made = ctypes.c_void_p()
        status = getattr(LIB, name)(*arguments, address(made))
        assert status == 0, (name, status, self.error() if hasattr(self, "handles") else "")
        return made.value

    def stream(self, options):
        made = self.make("qkvsim_accumulator_create", self.handles["context"], FEATURES, address(options))
        whole = struct(D.Input, parts=address(self.view), part_count=1)
        assert LIB.qkvsim_accumulator_update(self.handles["context"], made, address(whole)) == 0, self.error()
        return made

    def error(self):
        return LIB.qkvsim_context_error(self.handles["context"]).decode()

    def keep(self, thing):
        self.kept.append(thing)
        return thing

    def packed(self, kind):
        size = getattr(LIB, f"qkvsim_{kind}_packed_size")(self.handles[kind])
        buffer = ctypes.create_string_buffer(size)
        status = getattr(LIB, f"qkvsim_{kind}_pack")(self.handles["context"], self.handles[kind], address(buffer), size)
        assert status == 0, self.error()
        return buffer

    def structs(self, call, kind, name):
        """An example of a struct that is handed in."""
        special = {"qkvsim_view mask": struct(D.View, data=address(self.keep((ctypes.c_int32 * (N * FEATURES))(
                       *([1] * (N * FEATURES))))), observations=N, features=FEATURES, observation_stride=FEATURES,
                       feature_stride=1, dtype=D.DTYPE_I32),
                   "qkvsim_selection second": self.selections[1], "qkvsim_input input": self.input,
                   "qkvsim_view matrix": self.view}
        if f"{kind} {name}" in special:
            made = special[f"{kind} {name}"]
            return self.keep(type(made).from_buffer_copy(made))
        if kind == "qkvsim_matrix":
            rows = N // 2 if call == "qkvsim_permute" else FEATURES
            dtype = D.DTYPE_I32 if name == "mask" else D.DTYPE_F64
            data = self.keep((ctypes.c_double * ROOM)())
            return self.keep(struct(D.Matrix, data=address(data), rows=rows, columns=FEATURES,
                                    leading_dimension=FEATURES, dtype=dtype))
        like = {"qkvsim_baseline_options": self.permuted, "qkvsim_comparison_options": self.relabelled,
                "qkvsim_interval_options": self.resampled, "qkvsim_pairs_options": self.top,
                "qkvsim_accumulator_options": struct(D.AccumulatorOptions),
                "qkvsim_analysis_options": struct(D.AnalysisOptions), "qkvsim_bins": struct(D.Bins, count=100),
                "qkvsim_context_options": struct(D.ContextOptions), "qkvsim_permutation": struct(D.Permutation),
                "qkvsim_relabelling": struct(D.Relabelling), "qkvsim_similarity_options": struct(D.SimilarityOptions)}
        if call == "qkvsim_accumulator_intervals" and kind == "qkvsim_interval_options":
            return self.keep(struct(D.IntervalOptions))
        return self.keep(type(like[kind]).from_buffer_copy(like[kind]))

    def inner(self, call, text, name):
        """An array that is handed in."""
        kind = text.replace("const ", "").replace("*", "").strip()
        values = {"widths": [2, 2, 2], "heads": [1, 1, 1], "labels": [0, 0, 1, 1, 2, 2], "pair_groups": [0, 1],
                  "codes": [1] if call == "qkvsim_histogram" else [1, 2, 3],
                  "a": range(1, 101), "b": range(2, 102), "edges": [k / 50 - 1 for k in range(101)],
                  "p": [0.5] * 6, "values": [math.sqrt(k) for k in range(300)]}[name]
        if call == "qkvsim_relabel":
            values = [k % 2 for k in range(N)]
        c = {"uint8_t": ctypes.c_uint8, "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64,
             "double": ctypes.c_double}[kind]
        return self.keep(array(c, *values))

    def scalar(self, call, name):
        special = {"qkvsim_histogram_distance bins": 100, "qkvsim_tail_p count": 300, "qkvsim_adjust_bh count": 6,
                   "qkvsim_layout_add_rollup count": 2, "qkvsim_struct_init size": ctypes.sizeof(D.Bins),
                   "qkvsim_comparison_band summary": D.SUMMARY_MEAN, "qkvsim_tail_p observed": 16}
        names = {"observed": 16, "capacity": ROOM // 8, "code_count": 1, "count": 1, "group": 0, "group_a": 0,
                 "group_b": 1, "groups": 3, "parts": 3, "piece": 0, "pieces": 2, "rollup": 0, "row": 1, "row_a": 1,
                 "row_b": 2, "block": 0, "features": FEATURES, "observations": N, "distance": 1,
                 "dtype": D.DTYPE_F64, "order": 0, "metric": D.METRIC_PEARSON, "statistic": D.STATISTIC_VARIANCE,
                 "status": 0, "summary": D.SUMMARY_MEAN, "progress": None}
        return special.get(f"{call} {name}", names.get(name))

    def argument(self, call, text, name):
        """An example, and what of it is written to."""
        text = text.strip()
        kind = re.sub(r"const |\*", "", text).replace("qkvsim_", "").strip()
        if not text.endswith("*"):
            return self.scalar(call, name), None
        if text in ("const char *", "const char *const *"):
            text = self.keep(ctypes.create_string_buffer(b"name"))
            return (address(text), None) if name == "name" else (None, None)
        if kind in HANDLES and "**" in text:
            out = self.keep(ctypes.c_void_p())
            return address(out), out
        if kind in HANDLES and "*const *" in text:
            one = self.part if call == "qkvsim_accumulator_join" else self.handles[kind]
            return address(self.keep(array(ctypes.c_void_p, one))), None
        if kind in HANDLES:
            return self.other if name in ("other", "less", "second") else self.handles[kind], None
        if name == "buffer" and not text.startswith("const"):
            out = self.keep(ctypes.create_string_buffer(b"\x5a" * 2**18, 2**18))
            self.buffer_size = 2**18
            return address(out), out
        if name == "buffer":
            subject = call.split("_")[1]
            packed = self.keep(self.packed("layout" if subject == "packed" else subject))
            self.buffer_size = ctypes.sizeof(packed)
            return address(packed), None
        if f"qkvsim_{kind}" in KINDS and name != "kind":
            return address(self.structs(call, f"qkvsim_{kind}", name)), None
        if text.startswith("const"):
            return address(self.inner(call, text, name)), None
        if call == "qkvsim_struct_init":
            return address(self.keep(D.Bins())), None
        out = self.keep(ctypes.create_string_buffer(b"\x5a" * ROOM, ROOM))
        return (None, None) if name == "user" else (address(out), out)

    def arguments(self, call):
        self.kept = []
        made = [self.argument(call, text, name) for text, name in SIGNATURES[call][1]]
        values = [value for value, _ in made]
        names = [name for _, name in SIGNATURES[call][1]]
        if "size" in names and "buffer" in names:
            values[names.index("size")] = self.buffer_size
        return values, [written for _, written in made]


KINDS = {f"qkvsim_{name}" for name in
         ("view matrix selection input bins permutation relabelling accumulator_options analysis_options "
          "baseline_options comparison_options context_options interval_options pairs_options "
          "similarity_options").split()}


def is_pointer(text):
    return text.strip().endswith("*")


def is_optional(call, name):
    both = f"{call} {name}"
    return both in OPTIONAL or (name in OPTIONAL and both not in REQUIRED)


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.examples = Examples()

    def statuses(self):
        """Calls that say how they went."""
        return [name for name, (result, _) in SIGNATURES.items() if result == "qkvsim_status"]

    def refuse(self, call, change, texts=True):
        """Calls with examples that were changed: an error, a text, and nothing written."""
        values, written = self.examples.arguments(call)
        change(values)
        before = [bytes(w) if w is not None else None for w in written]
        status = getattr(LIB, call)(*values)
        self.assertNotEqual(status, 0)
        self.assertEqual([bytes(w) if w is not None else None for w in written], before, "something was written")
        context = self.examples.handles["context"]
        if texts and values[0] == context:
            self.assertNotEqual(self.examples.error(), "")
        return status

    def test_names_are_those_listed(self):
        listed = (PROJECT / "tests" / "symbols.txt").read_text().split()
        self.assertEqual(sorted(SIGNATURES), sorted(listed))

    def test_examples_are_valid(self):
        for call in self.statuses():
            with self.subTest(call):
                values, _ = self.examples.arguments(call)
                self.assertEqual(getattr(LIB, call)(*values), 0, self.examples.error())

    def test_null_is_refused_or_the_default(self):
        for call in self.statuses():
            for k, (text, name) in enumerate(SIGNATURES[call][1]):
                reads = name == "context" and "capacity" in [n for _, n in SIGNATURES[call][1]] \
                    and "qkvsim_context *" in text and call not in WITH_CONTEXT
                if not is_pointer(text):
                    continue
                with self.subTest(call, parameter=name):
                    if is_optional(call, name) or reads:
                        values, _ = self.examples.arguments(call)
                        values[k] = None
                        if name == "codes" and "code_count" in [n for _, n in SIGNATURES[call][1]]:
                            values[2] = None  # codes are of a mask
                        self.assertEqual(getattr(LIB, call)(*values), 0, self.examples.error())
                    else:
                        self.refuse(call, lambda values: values.__setitem__(k, None))

    def test_too_little_room_is_refused(self):
        for call in self.statuses():
            names = [name for _, name in SIGNATURES[call][1]]
            for limit in {"capacity", "size"} & set(names):
                for room in (-1, 0, 1):
                    with self.subTest(call, room=room):
                        self.refuse(call, lambda values: values.__setitem__(names.index(limit), room))

    def changed_structs(self, call, change):
        """Every struct of a call changed; yields the statuses."""
        for k, (text, name) in enumerate(SIGNATURES[call][1]):
            kind = re.sub(r"const |\*", "", text).strip()
            if kind not in KINDS:
                continue

            def at(values, k=k, kind=kind, name=name):
                made = self.examples.structs(call, kind, name)
                values[k] = change(made)
            with self.subTest(call, parameter=name):
                yield self.refuse(call, at, texts=kind != "qkvsim_context_options")

    def test_structs_without_a_size_are_refused(self):
        def unsized(made):
            made.struct_size = 0
            return address(made)
        for call in self.statuses():
            for status in self.changed_structs(call, unsized):
                self.assertEqual(status, D.ERROR_INVALID_ARGUMENT)

    def test_fields_that_nobody_knows_are_unsupported(self):
        def longer(made):
            size = ctypes.sizeof(made)
            bytes_ = self.examples.keep(ctypes.create_string_buffer(bytes(made) + b"\1" * 8, size + 8))
            ctypes.c_size_t.from_buffer(bytes_).value = size + 8
            return address(bytes_)
        for call in self.statuses():
            for status in self.changed_structs(call, longer):
                self.assertEqual(status, D.ERROR_UNSUPPORTED)

    def test_reserved_fields_must_be_0(self):
        seen = 0
        for call in self.statuses():
            for k, (text, name) in enumerate(SIGNATURES[call][1]):
                kind = re.sub(r"const |\*", "", text).strip()
                made = self.examples.structs(call, kind, name) if kind in KINDS else None
                if made is None or not any(field[0] == "reserved" for field in made._fields_):
                    continue
                made.reserved = 1
                seen += 1
                with self.subTest(call, parameter=name):
                    self.refuse(call, lambda values: values.__setitem__(k, address(made)))
        self.assertGreater(seen, 5)

    def test_accessors_of_null_say_nothing(self):
        """0, NULL, "" or NaN, and counts of 0; a name of no status is a name all the same."""
        for call, (result, parameters) in SIGNATURES.items():
            if result == "qkvsim_status" or not parameters or not is_pointer(parameters[0][0]):
                continue
            with self.subTest(call):
                values, written = self.examples.arguments(call)
                values[0] = None
                found = getattr(LIB, call)(*values)
                self.assertTrue(found in (0, None, b"", -1) or math.isnan(found), found)
                for out in written:
                    if out is not None:
                        self.assertEqual(bytes(out)[:4], bytes(4))
                for k, (text, name) in enumerate(parameters[1:], 1):
                    if is_pointer(text):  # where a count would go
                        again, _ = self.examples.arguments(call)
                        again[k] = None
                        getattr(LIB, call)(*again)


# Calls whose context has to be there although they fill an array.
WITH_CONTEXT = {"qkvsim_histogram", "qkvsim_bin_edges", "qkvsim_layout_mask_codes", "qkvsim_layout_piece_pair_groups"}

if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
