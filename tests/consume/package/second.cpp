// The same headers in a second translation unit: a function that lacks `inline` is then defined twice.
#include <lowart/lowart.hpp>

lowart::Errc unused() { return lowart::Errc{}; }
