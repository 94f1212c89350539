# Profile-guided optimisation. A relayed call runs once through more code than the first-level cache holds, so where the
# compiler puts the usual path is worth about a tenth of the call (benchmarks/README.md). The profile lies in the
# repository, so that a build needs no training run; a function that changed since is compiled as if there were none.
if(NOT LOWART_PROFILE OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  return()
endif()

# Names of functions local to a file bear the file's name, not where somebody's checkout lies.
add_compile_options("SHELL:-mllvm -static-func-full-module-prefix=false")
if(LOWART_PROFILE STREQUAL "record")
  # Atomic counters: loops run on several threads.
  add_compile_options(-fprofile-generate -fprofile-update=atomic)
  add_link_options(-fprofile-generate)
  return()
endif()

# The name changes with the content, as no compiler tells the build that it reads a profile.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${LOWART_PROFILE})
file(SHA256 ${LOWART_PROFILE} profile_id)
string(SUBSTRING ${profile_id} 0 12 profile_id)
set(profile ${PROJECT_BINARY_DIR}/release-${profile_id}.profdata)
file(COPY_FILE ${LOWART_PROFILE} ${profile} ONLY_IF_DIFFERENT)
add_compile_options(-fprofile-use=${profile} -Wno-profile-instr-out-of-date -Wno-profile-instr-unprofiled
                    -Wno-backend-plugin)
