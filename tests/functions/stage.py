"""A process in which each request is played by a fresh child: a notebook running cells, or a worker.

Requests and answers are pickles on stdin and stdout. A script, not a module of the tests, so that what it plays in
is free of pytest.
"""

import io
import os
import pickle
import sys
import traceback


def play_notebook(cells, expression):
    """Run cells as a notebook does, then evaluate an expression about them."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    from torc_nb import functions

    settings = Config()
    settings.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=settings)
    for cell in cells:
        shell.run_cell(cell, store_history=True).raise_error()
    return eval(expression, {**vars(functions), "ns": shell.user_ns})


def play_worker(functions, argument_lists):
    """Load functions one after another; call each; return the results."""
    from torc_nb.functions import load

    loaded = [load(function) for function in functions]
    try:
        results = [one.call(*arguments) for one, arguments in zip(loaded, argument_lists, strict=True)]
    except Exception:
        return traceback.format_exc()
    return results


def preload(kind):
    """Import what every child needs, once."""
    import torc_nb.functions  # noqa: F401

    if kind == "notebook":
        import numpy as np  # noqa: F401
        from IPython.core import interactiveshell  # noqa: F401


def answer(kind, cwd, request):
    """Play one request and pickle what came of it."""
    os.chdir(cwd)
    try:
        result = True, (play_notebook if kind == "notebook" else play_worker)(*request)
        return pickle.dumps(result)
    except BaseException as error:
        traceback.print_exc()
        return pickle.dumps((False, error))


def main():
    """Serve until stdin closes."""
    kind = sys.argv[1]
    sys.path[0] = ""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdin = io.StringIO()
    preload(kind)
    while True:
        try:
            cwd, request = pickle.load(requests)
        except EOFError:
            return
        child = os.fork()
        if not child:
            answers.write(answer(kind, cwd, request))
            answers.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            pickle.dump((False, RuntimeError(f"the child ended with {status}")), answers)
            answers.flush()


if __name__ == "__main__":
    main()
