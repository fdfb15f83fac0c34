"""The same work by qkvsim and by other ways, timed side by side. bench/peers.py and bench/python.py are
the commands.

    work            the input, what every way answers, and whether two answers agree
    library         qkvsim as C has it, through ctypes
    own_process     a row in a process whose libraries find the right number of threads
    timing          alternating stretches of calls, as bench/timing.c has them
    notebook        the lesson's own way
    tuned_numpy     NumPy with the best settings that were found
    tiled_numpy     the library's own flow, written in NumPy
    tuned_torch     PyTorch with the best settings that were found
    single_steps    one similarity matrix, by the libraries that have a call for it
    rows            the table: which way, which size, what is promised
    three_ways      the notebook's way, C and the package, in turns
    environment     the build folder: the library, the virtual environment and what it holds
    report, figure  docs/benchmarks.md and its figure
"""
