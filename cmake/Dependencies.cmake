# SPDX-License-Identifier: Apache-2.0
# Every dependency becomes a target named hr_<name>. Reasons and versions: docs/reference/dependencies.md.
find_package(TBB REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Protobuf REQUIRED)
find_package(Threads REQUIRED)

if(NOT HEADRACE_WHEELS)
  file(GLOB HEADRACE_WHEELS_FOUND ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages)
  list(GET HEADRACE_WHEELS_FOUND 0 HEADRACE_WHEELS)
endif()
# The interpreter that those wheels belong to; the tests use it.
cmake_path(SET HEADRACE_PYTHON NORMALIZE ${HEADRACE_WHEELS}/../../../bin/python3)

# Arrow from the pyarrow wheel: versioned library names only, no CMake package of its own.
set(HEADRACE_ARROW ${HEADRACE_WHEELS}/pyarrow)
add_library(hr_arrow INTERFACE)
foreach(name arrow arrow_compute parquet)
  file(GLOB found ${HEADRACE_ARROW}/lib${name}.so.[0-9]*)
  if(NOT found)
    message(FATAL_ERROR "lib${name}.so.* is not in ${HEADRACE_ARROW}: run ./headrace once, or pip install the wheels of "
      "tools/setup/requirements.txt into .venv")
  endif()
  list(GET found 0 found)
  add_library(hr_${name}_lib SHARED IMPORTED)
  set_target_properties(hr_${name}_lib PROPERTIES IMPORTED_LOCATION ${found})
  target_link_libraries(hr_arrow INTERFACE hr_${name}_lib)
endforeach()
target_include_directories(hr_arrow SYSTEM INTERFACE ${HEADRACE_ARROW}/include)
target_link_options(hr_arrow INTERFACE -Wl,-rpath,${HEADRACE_ARROW})

# libtorch from the torch wheel. find_package(Torch) would add its own protobuf and fmt headers to everything; see facts in
# docs/reference/dependencies.md. A source that sees hr_torch must not see fmt, spdlog or protobuf headers.
set(HEADRACE_TORCH ${HEADRACE_WHEELS}/torch)
add_library(hr_torch INTERFACE)
foreach(name torch_cpu c10)
  add_library(hr_${name}_lib SHARED IMPORTED)
  set_target_properties(hr_${name}_lib PROPERTIES IMPORTED_LOCATION ${HEADRACE_TORCH}/lib/lib${name}.so)
  target_link_libraries(hr_torch INTERFACE hr_${name}_lib)
endforeach()
target_include_directories(hr_torch SYSTEM INTERFACE ${HEADRACE_TORCH}/include ${HEADRACE_TORCH}/include/torch/csrc/api/include)
target_link_options(hr_torch INTERFACE -Wl,-rpath,${HEADRACE_TORCH}/lib)

find_library(XGBOOST_LIBRARY xgboost REQUIRED)
add_library(hr_xgboost INTERFACE)
target_link_libraries(hr_xgboost INTERFACE ${XGBOOST_LIBRARY})

find_library(SVM_LIBRARY svm REQUIRED)
add_library(hr_svm INTERFACE)
target_link_libraries(hr_svm INTERFACE ${SVM_LIBRARY})

if(HEADRACE_TESTS)
  find_package(GTest REQUIRED)
  enable_testing()
  include(GoogleTest)
endif()
