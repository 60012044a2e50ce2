//! Clocks that disagree.
