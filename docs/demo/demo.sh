# The three screens that a student meets first. Run by `make demo`, from the root of the repository.

show() {
    printf '\n$ %s\n' "$*"
    "$@" || [ $? -eq 1 ] # 1 says: not passed
}

show grade exercise moe_router &&
    show grade exercise moe_router --file docs/demo/wrong.py &&
    show grade exercise moe_router --file solutions/moe_router/moe_router.py
