noinst_LIBRARIES += workers/budget/libbudget.a
workers_budget_libbudget_a_SOURCES =
