# SPDX-License-Identifier: MIT
"""The Slurm example against a real Slurm: munged, slurmctld and slurmd of this machine, of a configuration, ports and
sockets of their own, with this host as the one node. Nobody else's Slurm is touched, and nothing is left running."""
import contextlib
import ctypes
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import time

from driver import Failed, case, check, read_json, skip
from shards import substance, text

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "sinfo")
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
PATIENCE_S = 60
CONFIG = """\
ClusterName=moth
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: also when the test itself is killed


class Slurm:
    """A cluster of one node for one test."""

    def __init__(self, test):
        self.test, self.daemons = test, []
        # A socket's path is short, so it does not lie in the test's folder.
        self.folder = os.path.realpath(subprocess.check_output(["mktemp", "-d", "/tmp/moth-slurm-XXXXXX"], text=True).strip())
        self.env = test.environment({"PATH": PATH, "SLURM_CONF": os.path.join(self.folder, "slurm.conf")})
        for name in [name for name in self.env if name.startswith(("SLURM_", "SBATCH_")) and name != "SLURM_CONF"]:
            del self.env[name]

    def __enter__(self):
        try:
            self.start()
        except Failed as error:  # a machine that Slurm itself does not start on says nothing of ours
            self.stop()
            skip(f"Slurm does not start here: {error}")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def path(self, name):
        return os.path.join(self.folder, name)

    def daemon(self, *argv):
        with open(self.path(argv[0] + ".log"), "ab") as log:
            self.daemons.append(subprocess.Popen(  # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
                argv, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=die_with_parent))

    def start(self):
        host = socket.gethostname().partition(".")[0]
        os.makedirs(self.path("state"))
        os.makedirs(self.path("spool"))
        with open(os.open(self.path("munge.key"), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as key:
            key.write(os.urandom(128))
        with open(self.path("slurm.conf"), "w", encoding="utf-8") as file:
            file.write(CONFIG.format(host=host, user=getpass.getuser(), folder=self.folder, ports=free_ports(2)))
        self.daemon("munged", "--foreground", "--force", "--key-file", self.path("munge.key"), "--socket",
                    self.path("munge.socket"), "--pid-file", self.path("munge.pid"), "--log-file", self.path("munge.log"),
                    "--seed-file", self.path("munge.seed"))
        self.wait("munged opens its socket", lambda: os.path.exists(self.path("munge.socket")))
        self.daemon("slurmctld", "-D", "-f", self.path("slurm.conf"))
        self.daemon("slurmd", "-D", "-f", self.path("slurm.conf"))
        self.wait("the node is idle", lambda: self.ask("sinfo", "--noheader", "--format=%T").strip() == "idle")

    def ask(self, *argv):
        """What a client says; nothing while the controller does not answer."""
        try:
            result = subprocess.run(argv, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                    timeout=PATIENCE_S, check=False)
        except subprocess.TimeoutExpired:
            return ""
        return result.stdout if result.returncode == 0 else ""

    def jobs(self):
        """The states of all jobs, by name and task."""
        answer = self.ask("squeue", "--json", "--states=all")
        return {} if not answer else {(job["name"], (job.get("array_task_id") or 0)): job["job_state"]
                                      for job in json.loads(answer)["jobs"]}

    def wait(self, what, reached):
        """Ask until it is so. The daemons tell nobody, so they are asked again and again; the deadline is for failures."""
        deadline = time.monotonic() + PATIENCE_S
        while not reached():
            dead = [daemon.args[0] for daemon in self.daemons if daemon.poll() is not None]
            if dead or time.monotonic() > deadline:
                raise Failed(f"{what}: {f'{dead} ended' if dead else f'not in {PATIENCE_S} s'}\n{self.logs()}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.daemons[-1].wait(0.05)

    def logs(self):
        return "".join(f"--- {name}\n" + "".join(open(self.path(name), encoding="utf-8", errors="replace").readlines()[-15:])
                       for name in sorted(os.listdir(self.folder)) if name.endswith(".log"))

    def stop(self):
        """Jobs first, so that their daemons end by themselves."""
        if len(self.daemons) == 3 and self.ask("squeue", "--noheader"):
            self.ask("scancel", "--full", "--signal=KILL", "--user", getpass.getuser())
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@case
def four_tasks_and_their_merge(test):
    """An array of four and the report that waits for it find what one run with the same seed finds."""
    missing = [name for name in PROGRAMS if not shutil.which(name, path=PATH)]
    if missing:
        skip(f"no {', '.join(missing)} here (Debian: slurmctld slurmd slurm-client munge)")
    options = ["-a", "idle", "--frames", "12000", "--replays", "2", "--minimize-frames", "0", "--", test.game("one_in_five")]
    test.moth("run", "-q", "-j", 2, "-o", test.path("whole"), *options)
    whole = read_json(test.path("whole", "run.json"))
    out = test.path("out")
    with Slurm(test) as slurm:
        env = {**slurm.env, "MOTH": test.settings.moth, "SBATCH_CHDIR": test.folder}
        submit = os.path.join(test.settings.root, "examples", "slurm", "submit")
        try:
            result = subprocess.run([submit, "4", out, *options], cwd=test.folder, env=env, text=True, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, timeout=PATIENCE_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"the jobs did not end: {slurm.jobs()}\n{slurm.logs()}") from error
        states = slurm.jobs()
        if not os.path.exists(os.path.join(out, "merged", "run.json")):
            told = "".join(text(test.folder, name) for name in os.listdir(test.folder) if name.endswith(".log"))
            raise Failed(f"no merged report; submit said {result.stdout}; {states}; the jobs said {told}\n{slurm.logs()}")
    merged = read_json(os.path.join(out, "merged", "run.json"))
    tasks = sorted(task for name, task in states if name == "moth")
    check(tasks == [1, 2, 3, 4], f"Slurm knows of {states}")
    check(len(whole["findings"]) >= 2 and substance(merged) == substance(whole), f"{substance(merged)} is not {substance(whole)}")
    check(merged["shards"]["have"] == [1, 2, 3, 4] and len({run["run"] for run in merged["runs"]}) == 4, f"{merged['runs']}")
    check(result.returncode == 1, f"submit ended with {result.returncode}, not as the report: {result.stdout}")
    fingerprint = merged["findings"][0]["fingerprint"]
    check(test.moth("replay", os.path.join(out, "merged", "findings", fingerprint)).status == 0, "it does not replay")
