# Completion of svx and of the programs it stands in for, for bash. What can be typed next is
# known to the program itself.
_svx() {
    local IFS=$' \t\n' line=${COMP_LINE:0:COMP_POINT} word begun
    local -a words found
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=('')
    begun=${words[-1]}
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        if [[ $word == :files ]]; then
            compopt -o default
            return
        fi
        # Bash takes a colon for the end of a word: what stands before it is there already.
        [[ $begun == *:* ]] && word=${word#"${begun%"${begun##*:}"}"}
        COMPREPLY+=("$word")
    done < <("$1" __complete "${words[@]}" 2>/dev/null)
}
complete -F _svx svx supervisord supervisorctl
