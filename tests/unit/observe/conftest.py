from __future__ import annotations

import pytest
from small_tree import Tree, make_tree


@pytest.fixture
def tree() -> Tree:
    return make_tree()
