# SPDX-License-Identifier: Apache-2.0
"""The builder means what the program means: random expressions, built here and as written terms there, give the same graph."""

import random

import pytest

import headrace as hr
from headrace.queries import graph
from headrace.term_build import build

SEED = 20240611


def random_term(draw, leaves):
    """A term of up to `leaves` leaves; names repeat, so that copies get names of their own."""
    if leaves <= 1 or draw.random() < 0.1:
        return random_leaf(draw)
    kind = draw.choice([">>", ">>", "|", "&", "*"])
    if kind == "*":
        return draw.randint(1, 3) * random_term(draw, leaves - 1)
    left = draw.randint(1, leaves - 1)
    one, other = random_term(draw, left), random_term(draw, leaves - left)
    return one >> other if kind == ">>" else one | other if kind == "|" else one & other


def random_leaf(draw):
    op = draw.choice(["pca", "standard_scaler", "min_max_scaler", "identity", "normalizer"])
    name = draw.choice([op, f"{op}_{draw.randint(1, 2)}"])
    options = {}
    if op == "pca" and draw.random() < 0.4:
        options["components"] = hr.grid(*range(1, draw.randint(2, 3)))
    if draw.random() < 0.15:
        options["replicas"] = 2
    # One set of options a name: a written term has room for one node of a name.
    random_leaf.made.setdefault(name, options)
    return hr.node(name, op=op, **random_leaf.made[name])


def random_pipeline(draw):
    random_leaf.made = {}
    body = random_term(draw, draw.randint(1, 7))
    return hr.op.csv("data", path="data.csv", target=0) >> body


def written(term):
    """The same pipeline as a file that the program wires by its written term. Grids are in the term."""
    nodes = {}
    for node in term.nodes():
        value = node.to_value()
        nodes[node.name] = {key: item for key, item in value.items() if not hr.terms.is_grid(item)}
    return hr.values.to_yaml({"nodes": nodes, "term": str(term)})


@pytest.mark.parametrize("case", range(40))
def test_graph_equals_that_of_the_written_term(case, tmp_path):
    draw = random.Random(SEED + case)
    print("seed", SEED + case)
    term = random_pipeline(draw)
    print(term)
    file = tmp_path / "written.yaml"
    file.write_text(written(term))
    ours = graph(term.pipeline().with_(folder=str(tmp_path)))
    theirs = graph(str(file))
    for key in ("nodes", "edges", "paths", "term"):
        assert ours[key] == theirs[key], key


@pytest.mark.parametrize("case", range(200))
def test_printed_terms_read_back(case):
    draw = random.Random(SEED + 1000 + case)
    print("seed", SEED + 1000 + case)
    term = random_pipeline(draw)
    again = hr.parse_term(str(term), term.nodes())
    assert build(again)[0] == build(term)[0]
    assert str(again) == str(term)


def test_files_read_back_equal():
    for case in range(100):
        draw = random.Random(SEED + 2000 + case)
        first = hr.pipeline("p", random_pipeline(draw), seed=case).evaluate(folds={"kind": "k_fold", "n": 3}, metric=["r2", "mae"])
        assert hr.Pipeline.from_yaml(first.to_yaml()) == first, f"seed {SEED + 2000 + case}"


def a(name="a"):
    return hr.node(name, op="identity")


def inputs(term):
    return {node.name: node.inputs for node in term.pipeline().nodes}


def test_sequences_and_alternatives_are_associative():
    assert build((a() >> a("b")) >> a("c")) == build(a() >> (a("b") >> a("c")))
    assert build((a() | a("b")) | a("c")) == build(a() | (a("b") | a("c")))
    assert (a() >> a("b")) >> a("c") == a() >> (a("b") >> a("c"))


def test_a_name_used_twice_is_two_nodes():
    assert inputs(a() >> a()) == {"a": (), "a#2": (("a",),)}


def test_replicas_of_a_node_are_an_annotation_and_of_a_term_are_alternatives():
    assert (3 * a()).pipeline().nodes[0].annotations == {"replicas": 3}
    assert inputs(2 * (a() >> a("b")) >> a("c"))["c"] == (("b", "b#2"),)


def test_a_join_at_the_end_is_a_node():
    assert inputs(a() >> (a("b") & a("c")))["join"] == (("b",), ("c",))


def test_pick_names_the_metric():
    assert (a() >> hr.pick("r2")).pipeline().evaluation == {"metric": "r2"}
    assert (a() >> hr.pick("r2")).evaluate(folds=3).evaluation == {"metric": "r2", "folds": 3}


@pytest.mark.parametrize(
    "wrong, name",
    [
        (lambda: a() >> hr.pick("r2") >> a("b"), "BadTerm"),
        (lambda: hr.pick("r2"), "BadTerm"),
        (lambda: 0 * a(), "BadTerm"),
        (lambda: a() >> hr.node("a", op="pca"), "NameClash"),
        (lambda: a() >> hr.node("b", op="pca", from_="a"), "BadTerm"),
        (lambda: a("1a"), "BadValue"),
        (lambda: a().with_(retires=2), "UnknownKey"),
        (lambda: (a() >> a("b")).grid(x=[1]), "BadTerm"),
        (lambda: hr.node("a", op="pca", retries=hr.grid(1, 2)), "BadGrid"),
        (lambda: hr.grid(), "BadGrid"),
        (lambda: 200_000 * a(), "BadTerm"),
    ],
)
def test_mistakes_have_the_codes_of_the_program(wrong, name):
    with pytest.raises(hr.HeadraceError) as problem:
        wrong().pipeline()
    assert problem.value.name == name


def test_long_chains_do_not_recurse():
    term = a()
    for _ in range(20_000):
        term = term >> a()
    assert len(term.pipeline().nodes) == 20_001
    assert str(term).count(">>") == 20_000


def test_deep_terms_are_refused():
    term = a()
    for _ in range(300):
        term = (term | a()) >> a()
    with pytest.raises(hr.PipelineError) as problem:
        term.pipeline()
    assert problem.value.name == "BadTerm"


def test_terms_have_no_truth_value():
    with pytest.raises(TypeError):
        bool(a() and a())
