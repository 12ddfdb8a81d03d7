# Completion of svx and of the programs it stands in for, for fish. What can be typed next is known
# to the program itself.
function __svx_complete
    set -l words (commandline -opc)
    set -l begun (commandline -ct)
    set -l lines ($words[1] __complete $words "$begun" 2>/dev/null)
    if test "$lines[1]" = :files
        __fish_complete_path "$begun"
    else
        printf '%s\n' $lines
    end
end
for program in svx supervisord supervisorctl
    complete -c $program -f -a '(__svx_complete)'
end
