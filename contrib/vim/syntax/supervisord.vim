" supervisord.conf, as svx and Supervisor read it.
" `svx completions vim` prints this file, from the tables that svx reads configurations by.
if exists('b:current_syntax')
    finish
endif
syntax sync fromstart
syntax iskeyword @,48-57,_,.

" What stands in no section, and sections that there are not.
syntax match supervisordStray /^[^[:space:];#].*/ contains=supervisordComment
highlight default link supervisordStray Error
highlight default link supervisordHeader Title
syntax cluster supervisordText contains=supervisordBroken,supervisordComment,supervisordExpansion,
    \supervisordPercent,supervisordWord,supervisordNumber,supervisordString,supervisordEvent

syntax case match
syntax region supervisordDaemon matchgroup=supervisordHeader
    \ start=/^\[supervisord\]/ matchgroup=NONE end=/^\ze\[/
    \ fold contains=supervisordDaemonKey,@supervisordText
syntax case ignore
syntax match supervisordDaemonKey /^[^[:space:];#\[=:][^=:]\{-}\ze\s*[=:]/
    \ contained contains=supervisordDaemonOption
syntax keyword supervisordDaemonOption contained logfile logfile_maxbytes logfile_backups
    \ logfile_symlink logfile_maxage logdir_create loglevel pidfile statefile leftovers nodaemon
    \ silent minfds clients_max minprocs umask user identifier directory nocleanup childlogdir
    \ environment environment_file strip_ansi
highlight default link supervisordDaemonKey Error
highlight default link supervisordDaemonOption Identifier

syntax case match
syntax region supervisordUnix matchgroup=supervisordHeader
    \ start=/^\[unix_http_server\%(:.*\)\?\]/ matchgroup=NONE end=/^\ze\[/
    \ fold contains=supervisordUnixKey,@supervisordText
syntax case ignore
syntax match supervisordUnixKey /^[^[:space:];#\[=:][^=:]\{-}\ze\s*[=:]/
    \ contained contains=supervisordUnixOption
syntax keyword supervisordUnixOption contained file chmod chown username password
highlight default link supervisordUnixKey Error
highlight default link supervisordUnixOption Identifier

syntax case match
syntax region supervisordInet matchgroup=supervisordHeader
    \ start=/^\[inet_http_server\%(:.*\)\?\]/ matchgroup=NONE end=/^\ze\[/
    \ fold contains=supervisordInetKey,@supervisordText
syntax case ignore
syntax match supervisordInetKey /^[^[:space:];#\[=:][^=:]\{-}\ze\s*[=:]/
    \ contained contains=supervisordInetOption
syntax keyword supervisordInetOption contained port username password allow_unauthenticated
    \ allowed_hosts
highlight default link supervisordInetKey Error
highlight default link supervisordInetOption Identifier

syntax case match
syntax region supervisordClient matchgroup=supervisordHeader
    \ start=/^\[supervisorctl\]/ matchgroup=NONE end=/^\ze\[/
    \ fold contains=supervisordClientKey,@supervisordText
syntax case ignore
syntax match supervisordClientKey /^[^[:space:];#\[=:][^=:]\{-}\ze\s*[=:]/
    \ contained contains=supervisordClientOption
syntax keyword supervisordClientOption contained serverurl username password prompt history_file
highlight default link supervisordClientKey Error
highlight default link supervisordClientOption Identifier

syntax case match
syntax region supervisordInclude matchgroup=supervisordHeader
    \ start=/^\[include\]/ matchgroup=NONE end=/^\ze\[/
    \ fold contains=supervisordIncludeKey,@supervisordText
syntax case ignore
syntax match supervisordIncludeKey /^[^[:space:];#\[=:][^=:]\{-}\ze\s*[=:]/
    \ contained contains=supervisordIncludeOption
syntax keyword supervisordIncludeOption contained files
highlight default link supervisordIncludeKey Error
highlight default link supervisordIncludeOption Identifier

syntax case match
syntax region supervisordGroup matchgroup=supervisordHeader
    \ start=/^\[group:.*\]/ matchgroup=NONE end=/^\ze\[/
    \ fold contains=supervisordGroupKey,@supervisordText
syntax case ignore
syntax match supervisordGroupKey /^[^[:space:];#\[=:][^=:]\{-}\ze\s*[=:]/
    \ contained contains=supervisordGroupOption
syntax keyword supervisordGroupOption contained programs priority
highlight default link supervisordGroupKey Error
highlight default link supervisordGroupOption Identifier

syntax case match
syntax region supervisordProgram matchgroup=supervisordHeader
    \ start=/^\[program:.*\]/ matchgroup=NONE end=/^\ze\[/
    \ fold contains=supervisordProgramKey,@supervisordText
syntax case ignore
syntax match supervisordProgramKey /^[^[:space:];#\[=:][^=:]\{-}\ze\s*[=:]/
    \ contained contains=supervisordProgramOption
syntax keyword supervisordProgramOption contained command process_name numprocs numprocs_start
    \ directory umask priority autostart startsecs startretries autorestart exitcodes stopsignal
    \ stopwaitsecs stopasgroup killasgroup user killmode no_new_privs interpolate redirect_stderr
    \ stdout_logfile stdout_logfile_maxbytes stdout_logfile_backups stdout_logfile_symlink
    \ stdout_logfile_maxage stdout_capture_maxbytes stdout_events_enabled stdout_syslog
    \ stderr_logfile stderr_logfile_maxbytes stderr_logfile_backups stderr_logfile_symlink
    \ stderr_logfile_maxage stderr_capture_maxbytes stderr_events_enabled stderr_syslog environment
    \ envfiles environment_file serverurl
highlight default link supervisordProgramKey Error
highlight default link supervisordProgramOption Identifier

syntax case match
syntax region supervisordListener matchgroup=supervisordHeader
    \ start=/^\[eventlistener:.*\]/ matchgroup=NONE end=/^\ze\[/
    \ fold contains=supervisordListenerKey,@supervisordText
syntax case ignore
syntax match supervisordListenerKey /^[^[:space:];#\[=:][^=:]\{-}\ze\s*[=:]/
    \ contained contains=supervisordListenerOption
syntax keyword supervisordListenerOption contained events buffer_size result_handler
    \ listener_restart_on_violation priority redirect_stderr command process_name numprocs
    \ numprocs_start directory umask autostart startsecs startretries autorestart exitcodes
    \ stopsignal stopwaitsecs stopasgroup killasgroup user killmode no_new_privs interpolate
    \ stdout_logfile stdout_logfile_maxbytes stdout_logfile_backups stdout_logfile_symlink
    \ stdout_logfile_maxage stdout_capture_maxbytes stdout_events_enabled stdout_syslog
    \ stderr_logfile stderr_logfile_maxbytes stderr_logfile_backups stderr_logfile_symlink
    \ stderr_logfile_maxage stderr_capture_maxbytes stderr_events_enabled stderr_syslog environment
    \ envfiles environment_file serverurl
highlight default link supervisordListenerKey Error
highlight default link supervisordListenerOption Identifier

syntax case match
syntax region supervisordFcgi matchgroup=supervisordHeader
    \ start=/^\[fcgi-program:.*\]/ matchgroup=NONE end=/^\ze\[/
    \ fold contains=supervisordFcgiKey,@supervisordText
syntax case ignore
syntax match supervisordFcgiKey /^[^[:space:];#\[=:][^=:]\{-}\ze\s*[=:]/
    \ contained contains=supervisordFcgiOption
syntax keyword supervisordFcgiOption contained socket socket_backlog socket_owner socket_mode
    \ command process_name numprocs numprocs_start directory umask priority autostart startsecs
    \ startretries autorestart exitcodes stopsignal stopwaitsecs stopasgroup killasgroup user
    \ killmode no_new_privs interpolate redirect_stderr stdout_logfile stdout_logfile_maxbytes
    \ stdout_logfile_backups stdout_logfile_symlink stdout_logfile_maxage stdout_capture_maxbytes
    \ stdout_events_enabled stdout_syslog stderr_logfile stderr_logfile_maxbytes
    \ stderr_logfile_backups stderr_logfile_symlink stderr_logfile_maxage stderr_capture_maxbytes
    \ stderr_events_enabled stderr_syslog environment envfiles environment_file serverurl
highlight default link supervisordFcgiKey Error
highlight default link supervisordFcgiOption Identifier

syntax case match
syntax region supervisordDefault matchgroup=supervisordHeader
    \ start=/^\[program-default\]/ matchgroup=NONE end=/^\ze\[/
    \ fold contains=supervisordDefaultKey,@supervisordText
syntax case ignore
syntax match supervisordDefaultKey /^[^[:space:];#\[=:][^=:]\{-}\ze\s*[=:]/
    \ contained contains=supervisordDefaultOption
syntax keyword supervisordDefaultOption contained autorestart autostart buffer_size command
    \ directory envfiles environment environment_file events exitcodes interpolate killasgroup
    \ killmode listener_restart_on_violation no_new_privs numprocs numprocs_start priority
    \ process_name redirect_stderr result_handler serverurl socket socket_backlog socket_mode
    \ socket_owner startretries startsecs stderr_capture_maxbytes stderr_events_enabled
    \ stderr_logfile stderr_logfile_backups stderr_logfile_maxage stderr_logfile_maxbytes
    \ stderr_logfile_symlink stderr_syslog stdout_capture_maxbytes stdout_events_enabled
    \ stdout_logfile stdout_logfile_backups stdout_logfile_maxage stdout_logfile_maxbytes
    \ stdout_logfile_symlink stdout_syslog stopasgroup stopsignal stopwaitsecs umask user
highlight default link supervisordDefaultKey Error
highlight default link supervisordDefaultOption Identifier

syntax case match
syntax region supervisordFree matchgroup=supervisordHeader
    \ start=/^\[\%(rpcinterface:.*\|ctlplugin:.*\|DEFAULT\)\]/ matchgroup=NONE end=/^\ze\[/
    \ fold contains=supervisordFreeKey,@supervisordText
syntax case ignore
syntax match supervisordFreeKey /^[^[:space:];#\[=:][^=:]\{-}\ze\s*[=:]/
    \ contained contains=supervisordFreeOption
highlight default link supervisordFreeKey Identifier

" What `events=` can name.
syntax keyword supervisordEvent contained EVENT PROCESS_STATE PROCESS_STATE_STOPPED
    \ PROCESS_STATE_EXITED PROCESS_STATE_STARTING PROCESS_STATE_STOPPING PROCESS_STATE_BACKOFF
    \ PROCESS_STATE_FATAL PROCESS_STATE_RUNNING PROCESS_STATE_UNKNOWN PROCESS_COMMUNICATION
    \ PROCESS_COMMUNICATION_STDOUT PROCESS_COMMUNICATION_STDERR PROCESS_LOG PROCESS_LOG_STDOUT
    \ PROCESS_LOG_STDERR REMOTE_COMMUNICATION SUPERVISOR_STATE_CHANGE
    \ SUPERVISOR_STATE_CHANGE_RUNNING SUPERVISOR_STATE_CHANGE_STOPPING TICK TICK_5 TICK_60 TICK_3600
    \ PROCESS_GROUP PROCESS_GROUP_ADDED PROCESS_GROUP_REMOVED
highlight default link supervisordEvent Constant

" Neither `key=value` nor the rest of a value, which is indented.
syntax match supervisordBroken /^[^[:space:];#\[][^=:]*$/ contained
highlight default link supervisordBroken Error
syntax match supervisordWord
    \ /\%(^\S[^=:]*[=:]\s*\)\@<=\%(true\|yes\|on\|false\|no\|off\|unexpected\|auto\|none\)\>/
    \ contained
highlight default link supervisordWord Boolean
syntax match supervisordNumber
    \ /\%(^\S[^=:]*[=:]\s*\)\@<=-\?\d[0-9, ]*\%([KMG]B\|[smhdw]\)\?\ze\s*\%($\|\s[;#]\)/ contained
highlight default link supervisordNumber Number
syntax region supervisordString start=/"/ skip=/\\"/ end=/"/ oneline contained
    \ contains=supervisordComment,supervisordExpansion,supervisordPercent
highlight default link supervisordString String
syntax match supervisordExpansion /%([^()]*)[-+ #0]*\d*\a/ contained
highlight default link supervisordExpansion PreProc
" A percent sign that means itself.
syntax match supervisordPercent /%%/ contained
highlight default link supervisordPercent SpecialChar
" Behind white space, quotes or not.
syntax match supervisordComment /\%(^\|\s\)\@1<=[;#].*/ contains=@Spell
highlight default link supervisordComment Comment

let b:current_syntax = 'supervisord'
