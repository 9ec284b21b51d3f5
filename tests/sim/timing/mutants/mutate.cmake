# Writes INPUT to OUTPUT with the one place where it says OLD saying NEW.
file(READ "${INPUT}" text)
string(FIND "${text}" "${OLD}" first)
string(FIND "${text}" "${OLD}" last REVERSE)
if(first EQUAL -1 OR NOT first EQUAL last)
  message(FATAL_ERROR "${INPUT}: expected '${OLD}' once")
endif()
string(REPLACE "${OLD}" "${NEW}" text "${text}")
file(WRITE "${OUTPUT}" "${text}")
