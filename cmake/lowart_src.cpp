#include <lowart/src.hpp>
