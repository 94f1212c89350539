// expect: (no match for .operator<<|invalid operands to binary expression)
#include <lowart/core/secret.hpp>

#include <iostream>

int main() { std::cout << lowart::Secret("sk-1"); }
