// expect: (Admission.* is private|private constructor of class 'lowart::Admission')
#include <lowart/core/admission.hpp>

int main() { lowart::Admission mine(nullptr, {}); }  // law 1: only a Limiter makes one
