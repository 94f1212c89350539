// The definitions of Boost.JSON, once per program.
#include <boost/json/src.hpp>
