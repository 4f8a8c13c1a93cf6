"""Conditions of other engines: what is translated means the same, what could mean something else is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.expressions import compile_expression
from app.rules.translated import plain_name, translate


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("${danger}", "danger"),
        ("#{ age >= 14 }", "age >= 14"),
        ("${answer == 'yes'}", 'answer == "yes"'),
        ("${a && !b || c}", "a and not b or c"),
        ("${!(a && b)}", "not (a and b)"),
        ("${a eq 'x' and age lt 3}", 'a == "x" and age < 3'),
        ("=level = 2 and not(found)", "level == 2 and not (found)"),
        ("=seen = true", "seen == True"),
    ],
)
def test_what_means_the_same_is_translated(was, now):
    assert translate(was) == now


@pytest.mark.parametrize(
    "was",
    [
        "danger",
        "${}",
        "=",
        "${a.b == 1}",
        "${bean.call()}",
        "${call(a)}",
        "${a == 1.5}",
        "${a + 1 == 2}",
        "${!a == b}",
        "${!(a) == b}",
        "${empty a}",
        "=x in [1,2]",
        "=if a then b else c",
        "${a ? b : c}",
        "${'a\\'b' == c}",
        "${().__class__}",
        "${__import__('os').system('id')}",
        "${a} and ${b}",
        "${not a == b}",
        "${" + "(" * 300 + "a" + ")" * 300 + "}",
        "${" + "a and " * 200 + "a}",
    ],
)
def test_what_may_mean_something_else_is_left(was):
    assert translate(was) is None


@given(st.text("ab!&|()=<>'\"${}# .1not", max_size=40))
def test_whatever_comes_out_is_of_the_closed_language(inside):
    for source in (f"${{{inside}}}", f"={inside}", inside):
        said = translate(source)
        if said is not None:
            compile_expression(said)


def test_plain_names():
    assert plain_name("${due}") == plain_name("#{due}") == plain_name("=due") == plain_name(" due ") == "due"
    assert plain_name("${a.b}") is plain_name("${}") is plain_name("P1D/x") is plain_name("1") is None
