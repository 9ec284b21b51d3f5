# Makes one page of PAGE and the files beside it that it names, and a source file OUTPUT that holds it:
#   cmake -D LAYER=lab -D PAGE=…/page.html [-D LICENCE=…] -D OUTPUT=….cpp -P embed.cmake
# LAYER/page_pieces.hpp declares what it defines.
# In pieces, since compilers need not take literals of more than 64 KiB. What C++ fills in, @TITLE@
# and the like, are pieces of their own.
cmake_minimum_required(VERSION 3.25)
cmake_path(GET PAGE PARENT_PATH folder)
set(literals "")

function(add_piece text)
  if(text MATCHES "\\)piece\"")
    message(FATAL_ERROR "${PAGE}: )piece\" would end a literal")
  endif()
  set(literals "${literals}    R\"piece(${text})piece\",\n" PARENT_SCOPE)
endfunction()

macro(add_file file element)
  file(READ "${file}" content)
  if(content MATCHES "</(script|style)|<!--")
    message(FATAL_ERROR "${file}: would end the element that holds it")
  endif()
  add_piece("<${element}>\n${content}</${element}>")
endmacro()

file(READ "${PAGE}" rest)
while(rest MATCHES "<link rel=\"stylesheet\" href=\"([^\"]+)\">|<script src=\"([^\"]+)\"></script>|@[A-Z]+@")
  set(found "${CMAKE_MATCH_0}")
  set(style "${CMAKE_MATCH_1}")
  set(script "${CMAKE_MATCH_2}")
  string(FIND "${rest}" "${found}" at)
  string(SUBSTRING "${rest}" 0 ${at} before)
  string(LENGTH "${found}" length)
  math(EXPR after "${at} + ${length}")
  string(SUBSTRING "${rest}" ${after} -1 rest)
  add_piece("${before}")
  if(style)
    add_file("${folder}/${style}" style)
  elseif(script)
    add_file("${folder}/${script}" script)
  elseif(found STREQUAL "@LICENCE@")
    file(READ "${LICENCE}" licence)
    add_piece("${licence}")
  else()
    add_piece("${found}")
  endif()
endwhile()
add_piece("${rest}")

file(WRITE "${OUTPUT}" "// Made by pages/embed.cmake.
#include <array>
#include <${LAYER}/page_pieces.hpp>

namespace axvm::${LAYER} {
namespace {

constexpr auto kPieces = std::to_array<std::string_view>({
${literals}});

}  // namespace

std::span<const std::string_view> page_pieces() { return kPieces; }

}  // namespace axvm::${LAYER}
")
