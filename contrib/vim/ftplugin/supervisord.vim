" Copy contrib/vim/* into ~/.vim. Ctrl-X Ctrl-O completes options and types of events.
if exists('b:did_ftplugin')
    finish
endif
let b:did_ftplugin = 1
setlocal comments=:;,:# commentstring=;\ %s omnifunc=syntaxcomplete#Complete
let b:undo_ftplugin = 'setlocal comments< commentstring< omnifunc<'
