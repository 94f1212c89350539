// expect: (deleted|overload resolution selected deleted operator '==')
#include <lowart/core/secret.hpp>

int main() { return lowart::Secret("a") == lowart::Secret("a"); }  // equals() takes constant time
