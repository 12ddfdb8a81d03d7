" Debian and others have `conf.d/*.conf`, Red Hat has `supervisord.d/*.ini`.
autocmd BufNewFile,BufRead supervisord.conf,*/supervisor/conf.d/*.conf,*/supervisord.d/*.{ini,conf}
    \ set filetype=supervisord
