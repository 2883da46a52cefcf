import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { toExportFailure } from '../../../../src/worker/export/export-failure.ts'
import { TaskFailure } from '../../../../src/worker/runtime/run-job.ts'
import { readArchive } from '../../../support/archive-readers.ts'
import { openFilesBelow } from '../../../support/open-files.ts'
import { packageFiles } from '../../../support/packages.ts'
import { type ExportDepot, makeExportDepot } from '../../../support/worker/pack-queued.ts'

/** A file of the second of three packages, in a directory. */
const VICTIM = 'b/b.uxz'
const CONTENT = Buffer.alloc(400_000, 'firmware')

async function scannedDepot(t: Test): Promise<ExportDepot> {
  const b = Object.entries(packageFiles({ fixid: 'b', payload: CONTENT })).map(([name, content]) => [
    `b/${name}`,
    content
  ])
  const others = ['a', 'c'].map((fixid) => packageFiles({ fixid, payload: fixid }))
  const depot = await makeExportDepot(t, Object.assign({}, ...others, Object.fromEntries(b)))
  await depot.scan()
  return depot
}

const PACKAGE = 'It belongs to the package b.'

interface Case {
  readonly what: string
  readonly happen: (depot: ExportDepot, victim: string, archive: string) => void
  readonly text: string | RegExp
  readonly recovery: RegExp
  readonly skip?: string | false
}

const READ_AGAIN = /^Read the repository again with action=read, and repeat the export\.$/
const CHECK_FILE = /^Check the file and its permissions/
const CHECK_DISK = /^Check the data directory and its disk/
const skipFull = fs.existsSync('/dev/full') ? false : 'there is no /dev/full'
const skipRoot = process.getuid?.() === 0 ? 'root may read everything' : false

const CASES: readonly Case[] = [
  {
    what: 'a file that is gone',
    happen: (_, victim) => fs.rmSync(victim),
    text: `${VICTIM} cannot be read: ENOENT. ${PACKAGE}`,
    recovery: CHECK_FILE
  },
  {
    what: 'a directory that is gone with the file',
    happen: (_, victim) => fs.rmSync(path.dirname(victim), { recursive: true }),
    text: `${VICTIM} cannot be read: ENOENT. ${PACKAGE}`,
    recovery: CHECK_FILE
  },
  {
    what: 'a file that may not be read',
    happen: (_, victim) => fs.chmodSync(victim, 0),
    text: `${VICTIM} cannot be read: EACCES. ${PACKAGE}`,
    recovery: CHECK_FILE,
    skip: skipRoot
  },
  {
    what: 'a file that has been cut off',
    happen: (_, victim) => fs.truncateSync(victim, 399_999),
    text: `${VICTIM} has changed: it has 399999 bytes instead of 400000. ${PACKAGE}`,
    recovery: READ_AGAIN
  },
  {
    what: 'a file that has grown',
    happen: (_, victim) => fs.appendFileSync(victim, 'x'),
    text: `${VICTIM} has changed: it has 400001 bytes instead of 400000. ${PACKAGE}`,
    recovery: READ_AGAIN
  },
  {
    what: 'a file with another content of the same size',
    happen: (_, victim) => fs.writeFileSync(victim, Buffer.alloc(400_000, 'FIRMWARE')),
    text: `${VICTIM} has changed: its content is different. ${PACKAGE}`,
    recovery: READ_AGAIN
  },
  {
    what: 'a directory in place of the file',
    happen(_, victim) {
      fs.rmSync(victim)
      fs.mkdirSync(victim)
    },
    text: `${VICTIM} cannot be read: ${VICTIM} is not a regular file. ${PACKAGE}`,
    recovery: CHECK_FILE
  },
  {
    what: 'a pipe in place of the file',
    happen(_, victim) {
      fs.rmSync(victim)
      execFileSync('mkfifo', [victim])
    },
    text: `${VICTIM} cannot be read: ${VICTIM} is not a regular file. ${PACKAGE}`,
    recovery: CHECK_FILE
  },
  {
    what: 'a link out of the repository in place of the file',
    happen({ root }, victim) {
      fs.writeFileSync(path.join(root, 'outside'), CONTENT)
      fs.rmSync(victim)
      fs.symlinkSync(path.join(root, 'outside'), victim)
    },
    text: `${VICTIM} cannot be read: ${VICTIM} leads out of the repository. ${PACKAGE}`,
    recovery: CHECK_FILE
  },
  {
    what: 'a repository that is gone',
    happen: ({ repositoryDirectory }) => fs.renameSync(repositoryDirectory, `${repositoryDirectory}-gone`),
    text: 'The repository directory cannot be read: ENOENT.',
    recovery: /is mounted/
  },
  {
    what: 'a full disk',
    happen: (_, __, archive) => fs.symlinkSync('/dev/full', `${archive}.1.part`),
    text: 'There is no space left for the archive.',
    recovery: /^Make room in the data directory/,
    skip: skipFull
  },
  {
    what: 'a directory of archives that is gone',
    happen: ({ archivesDirectory }) => fs.rmdirSync(archivesDirectory),
    text: 'The archive cannot be written: ENOENT.',
    recovery: CHECK_DISK
  },
  {
    what: 'an archive that cannot get its name',
    happen: (_, __, archive) => fs.mkdirSync(archive),
    text: /^The archive cannot be written: E(ISDIR|NOTEMPTY|EXIST|PERM)\.$/,
    recovery: CHECK_DISK
  }
]

for (const { what, happen, text, recovery, skip = false } of CASES) {
  t.test(`${what} fails the export with a message that names it, and leaves nothing`, { skip }, async (t) => {
    const depot = await scannedDepot(t)
    const accepted = await depot.accept()
    const archive = depot.archivePath(accepted)
    happen(depot, path.join(depot.repositoryDirectory, VICTIM), archive)
    const { task, error } = await depot.settle(accepted)
    t.equal(task.state, 'failed')
    t.ok(task.finishedAt)
    const [message] = task.messages
    t.match(message, { id: 'FQXHMUP9009L', text, recovery })
    t.ok(error instanceof TaskFailure && error.cause instanceof Error, 'the log gets the cause')
    t.notMatch(JSON.stringify(task.messages), depot.root, 'the caller does not learn where things are')
    t.notOk(fs.lstatSync(`${archive}.1.part`, { throwIfNoEntry: false }))
    t.notOk(fs.statSync(archive, { throwIfNoEntry: false })?.isFile())
    t.same(
      openFilesBelow(depot.root).filter((file) => !file.includes('fixdepot.db')),
      []
    )
  })
}

t.test('after a failure the next export is packed, and the same one after the file is repaired', async (t) => {
  const depot = await scannedDepot(t)
  const victim = path.join(depot.repositoryDirectory, VICTIM)
  fs.rmSync(victim)
  const [failing, next] = [await depot.accept(), await depot.accept({ fixids: ['a'] })]
  t.equal((await depot.settle(failing)).task.state, 'failed')
  t.equal((await depot.tasks.findTask(next.task.id))?.state, 'completed')
  fs.writeFileSync(victim, CONTENT)
  const again = await depot.accept()
  t.equal((await depot.settle(again)).task.state, 'completed')
  const entry = (await readArchive(depot.archivePath(again))).find(({ name }) => name === VICTIM)
  t.ok(entry?.content.equals(CONTENT))
  t.same(depot.archives(), [next, again].map(({ task }) => task.archiveName).sort())
})

t.test('an unexpected error is returned as it is', async (t) => {
  const bugs = [new TypeError('x is not a function'), new Error('no code'), nodeError(() => Buffer.alloc(-1))]
  for (const bug of bugs) t.equal(toExportFailure(bug), bug)
})

/** The error with which Node answers a wrong argument: it has a code, but it is a bug. */
function nodeError(wrong: () => unknown): unknown {
  try {
    return wrong()
  } catch (error) {
    return error
  }
}
