# svx as a task of Nomad: checks of its own addresses, an orderly end, metrics.
#
#   nomad job run -var password=... -var "password_hash=$(svx passwd)" shop.nomad.hcl
#
# Change: the image, [program:*]. The image has svx in its PATH and your programs.
variable "password" {
  description = "What the checks and Prometheus log in with."
  default     = "change-me"
}

variable "password_hash" {
  description = "The same password as `svx passwd` prints it."
  default     = "$argon2id$v=19$m=19456,t=2,p=1$/EiVTlQt1aaxNqWmngRDMA$MhiZdd2CH/HrMNzlSnK+rD2APKxlyNN4tSR7Pu52GaA"
}

job "shop" {
  group "shop" {
    count = 2

    network {
      port "http" { to = 8080 }
      port "svx" { to = 9001 }
    }

    service {
      name     = "shop"
      port     = "http"
      provider = "nomad"

      # While one of the programs does not come up, no traffic.
      check {
        name     = "programs"
        type     = "http"
        port     = "svx"
        path     = "/readyz"
        interval = "5s"
        timeout  = "3s"
        header {
          Authorization = ["Basic ${base64encode("prometheus:${var.password}")}"]
        }
      }

      # svx starts again what dies; the task only if svx itself does not answer.
      check {
        name     = "svx"
        type     = "http"
        port     = "svx"
        path     = "/healthz"
        interval = "10s"
        timeout  = "5s"
        header {
          Authorization = ["Basic ${base64encode("prometheus:${var.password}")}"]
        }
        check_restart {
          limit = 3
          grace = "30s"
        }
      }
    }

    # For Prometheus: nomad_sd_configs finds it, keep what has the tag, with basic_auth.
    service {
      name     = "shop-svx"
      port     = "svx"
      provider = "nomad"
      tags     = ["prometheus"]
    }

    task "svx" {
      driver = "docker"
      user   = "10001"

      # One group stops after the other: all stopwaitsecs together, and some seconds more. The
      # client's max_kill_timeout, 30 s if nothing else is said, has to allow it.
      kill_signal  = "SIGTERM"
      kill_timeout = "100s"

      config {
        image           = "registry.example/shop:1.0"
        command         = "svx"
        args            = ["daemon", "--nodaemon", "-c", "${NOMAD_TASK_DIR}/supervisord.conf"]
        ports           = ["http", "svx"]
        readonly_rootfs = true
      }

      template {
        destination = "local/supervisord.conf"
        # A change is brought in by `svx ctl update`: what did not change goes on running.
        change_mode = "script"
        change_script {
          command = "svx"
          args    = ["ctl", "-c", "${NOMAD_TASK_DIR}/supervisord.conf", "update"]
        }
        data = <<-EOF
          [supervisord]
          nodaemon=true
          logfile=/dev/stdout
          logfile_maxbytes=0
          pidfile=%(here)s/supervisord.pid

          [unix_http_server]
          file=%(here)s/supervisor.sock

          [inet_http_server]
          port=*:9001
          username=prometheus
          password=${var.password_hash}

          [rpcinterface:supervisor]
          supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

          [supervisorctl]
          serverurl=unix://%(here)s/supervisor.sock

          ; What comes out of them is what `nomad alloc logs` shows.
          [program-default]
          stdout_logfile=/dev/stdout
          stdout_logfile_maxbytes=0
          redirect_stderr=true
          autorestart=true

          [program:web]
          command=/srv/shop/bin/web --port 8080
          priority=10
          stopwaitsecs=30

          [program:worker]
          command=/srv/shop/bin/worker
          priority=20
          stopwaitsecs=60
        EOF
      }

      resources {
        cpu    = 200
        memory = 512
      }
    }
  }
}
