# SPDX-License-Identifier: Apache-2.0
# headrace_room(NAME exec SOURCES a.cc b.cc DEPENDS graph base LIBRARIES TBB::tbb PRIVATE_LIBRARIES ... TESTS a_test.cc
#               TEST_LIBRARIES ... [PACK])
# One room, one library. Its public headers lie in include/headrace/NAME. A PACK is a module loaded on first use, with its operator
# rows written to NAME.ops.json at build time. Tests named foo_test.cc become the program NAME_test and its cases in ctest.
#
# The target `program` is what a user needs and no more: the binary and every pack.
add_custom_target(program)

function(headrace_room)
  cmake_parse_arguments(ROOM "PACK" "NAME" "SOURCES;DEPENDS;LIBRARIES;PRIVATE_LIBRARIES;TESTS;TEST_LIBRARIES" ${ARGN})
  set(target headrace_${ROOM_NAME})
  if(ROOM_PACK)
    add_library(${target} MODULE ${ROOM_SOURCES})
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${HEADRACE_PACK_DIRECTORY} PREFIX "")
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${ROOM_NAME} CXX_VISIBILITY_PRESET hidden)
    add_custom_command(TARGET ${target} POST_BUILD
      COMMAND $<TARGET_FILE:headrace_pack_manifest> $<TARGET_FILE:${target}> ${HEADRACE_PACK_DIRECTORY}/${ROOM_NAME}.ops.json
      COMMENT "Writing the operator rows of pack ${ROOM_NAME}" VERBATIM)
    add_dependencies(${target} headrace_pack_manifest)
    add_dependencies(program ${target})
  else()
    add_library(${target} SHARED ${ROOM_SOURCES})
  endif()
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/include PRIVATE ${CMAKE_SOURCE_DIR}/src)
  foreach(below ${ROOM_DEPENDS})
    target_link_libraries(${target} PUBLIC headrace_${below})
  endforeach()
  target_link_libraries(${target} PUBLIC ${ROOM_LIBRARIES} PRIVATE ${ROOM_PRIVATE_LIBRARIES})
  if(HEADRACE_TESTS AND ROOM_TESTS)
    set(test ${ROOM_NAME}_test)
    add_executable(${test} ${ROOM_TESTS})
    target_include_directories(${test} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
    foreach(below ${ROOM_DEPENDS})
      target_link_libraries(${test} PRIVATE headrace_${below})
    endforeach()
    if(NOT ROOM_PACK)
      target_link_libraries(${test} PRIVATE ${target})
    else()
      add_dependencies(${test} ${target})
    endif()
    target_link_libraries(${test} PRIVATE ${ROOM_LIBRARIES} ${ROOM_PRIVATE_LIBRARIES} ${ROOM_TEST_LIBRARIES} GTest::gmock GTest::gtest_main)
    target_compile_definitions(${test} PRIVATE HEADRACE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" HEADRACE_BUILD_DIR="${CMAKE_BINARY_DIR}")
    add_test(NAME ${test} COMMAND ${test})
    set_tests_properties(${test} PROPERTIES LABELS unit TIMEOUT 600)
  endif()
endfunction()

# Called when all rooms are known.
function(headrace_finish_program)
  if(TARGET headrace)
    add_dependencies(program headrace)
  endif()
endfunction()
cmake_language(DEFER DIRECTORY ${CMAKE_SOURCE_DIR} CALL headrace_finish_program)
