import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { generateRepository } from '../../../../sample/generate.ts'
import type { AcceptedTask } from '../../../../src/core/export/task-commands.ts'
import { OPERATION_SUCCEEDED } from '../../../../src/core/problems/message.ts'
import { PartsLost } from '../../../../src/core/problems/storage-error.ts'
import type { ArchiveStorage } from '../../../../src/core/storage/archive-storage.ts'
import { type Checkpoint, FROM_THE_START, LeaseLost } from '../../../../src/core/tasks/job.ts'
import type { TaskProgress } from '../../../../src/core/tasks/task.ts'
import { createArchiveDirectory } from '../../../../src/storage/disk/archive-directory.ts'
import { archiveReaders, readArchive, skipReader } from '../../../support/archive-readers.ts'
import { openFilesBelow } from '../../../support/open-files.ts'
import { packageFiles, smallRepository, UEFI, XCC } from '../../../support/packages.ts'
import { type ExportDepot, makeExportDepot, writeSparse } from '../../../support/worker/pack-queued.ts'

const MiB = 2 ** 20
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

t.test('the archive contains the files of the repository, as other programs read them', async (t) => {
  const depot = await makeExportDepot(t)
  const { repositoryDirectory: directory } = depot
  const manifest = await generateRepository({ directory, targetBytes: 1_000_000, seedFiles: [] })
  await depot.scan()
  const accepted = await depot.accept()
  const { task, error } = await depot.settle(accepted)
  t.equal(error, undefined)
  t.match(task, { state: 'completed', packagesDone: task.packagesTotal, bytesDone: task.bytesTotal })
  t.same(task.messages[0], OPERATION_SUCCEEDED)
  const archive = depot.archivePath(accepted)
  t.same(depot.archives(), [path.basename(archive)], 'nothing unfinished is left')
  t.equal(fs.statSync(archive).size, task.bytesTotal)

  const entries = await readArchive(archive)
  const isEqual = entries.map(({ name, content, modifiedAt }) => {
    const file = path.join(directory, name)
    return fs.readFileSync(file).equals(content) && Math.floor(fs.statSync(file).mtimeMs / 1000) === +modifiedAt / 1000
  })
  t.notOk(isEqual.includes(false), 'content and times are those of the files')
  const digests = Object.fromEntries(entries.map(({ name, content }) => [name, sha256(content)]))
  const wanted = manifest.packages
    .filter(({ defect }) => defect === undefined)
    .flatMap(({ files }) => files.map((file) => [file.path, file.sha256]))
  t.has(digests, Object.fromEntries(wanted))

  for (const reader of archiveReaders) {
    t.test(`${reader.command} accepts the archive`, { skip: skipReader(reader) }, async (t) => {
      const { exitCode, output, names } = await reader.check(archive)
      t.equal(exitCode, 0, output)
      t.equal(names.length, entries.length)
    })
  }
})

t.test('progress only grows, is visible while the archive grows, and ends with the totals', async (t) => {
  const depot = await makeExportDepot(t)
  const fixids = ['a', 'b', 'c']
  for (const fixid of fixids) {
    depot.write(packageFiles({ fixid, payload: '' }))
    writeSparse(path.join(depot.repositoryDirectory, `${fixid}.uxz`), 12 * MiB, fixid)
  }
  await depot.scan()
  const accepted = await depot.accept()
  const archive = `${depot.archivePath(accepted)}.1.part`
  const reports: TaskProgress[] = []
  let isOnDisk = true
  await depot.runExport(accepted, {
    async onProgress(report) {
      isOnDisk &&= fs.statSync(archive).size >= report.bytesDone
      reports.push(report)
    }
  })
  const { packagesTotal, bytesTotal } = accepted.task
  t.ok(isOnDisk, 'no byte was told before it was written')
  t.ok(reports.length >= 2)
  const grows = (values: number[]) => values.every((value, index) => value >= (values[index - 1] ?? 0))
  t.ok(grows(reports.map(({ bytesDone }) => bytesDone)))
  t.ok(grows(reports.map(({ packagesDone }) => packagesDone)))
  for (const { bytesDone, packagesDone } of reports) t.ok(packagesDone * 12 * MiB <= bytesDone)
  t.same(reports.at(-1), { packagesDone: packagesTotal, bytesDone: bytesTotal })
  t.same([packagesTotal, bytesTotal], [3, fs.statSync(depot.archivePath(accepted)).size])
})

t.test('equal selections make equal archives, however they are requested', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const digests: string[] = []
  for (const fixids of [[UEFI, XCC], [XCC, UEFI], [UEFI]]) {
    const accepted = await depot.accept({ fixids })
    await depot.settle(accepted)
    digests.push(sha256(fs.readFileSync(depot.archivePath(accepted))))
    // A kept archive would be shared.
    fs.rmSync(depot.archivePath(accepted))
  }
  t.equal(digests[0], digests[1])
  t.not(digests[0], digests[2])
})

t.test('a repository without packages makes an empty archive', async (t) => {
  const depot = await makeExportDepot(t)
  const accepted = await depot.accept()
  const { task } = await depot.settle(accepted)
  t.match(task, { state: 'completed', packagesTotal: 0, bytesTotal: 22, bytesDone: 22 })
  t.same(await readArchive(depot.archivePath(accepted)), [])
})

t.test('the part that a dead worker has left does not get into the archive', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const accepted = await depot.accept()
  const part = `${depot.archivePath(accepted)}.1.part`
  fs.writeFileSync(part, Buffer.alloc(accepted.task.bytesTotal + 1_000, 'left over'))
  await depot.settle(accepted)
  const bytes = fs.readFileSync(depot.archivePath(accepted))
  t.equal(bytes.length, accepted.task.bytesTotal)
  t.notOk(bytes.includes('left over'))
  t.same(depot.archives(), [accepted.task.archiveName])
})

interface Interrupted extends ExportDepot {
  readonly accepted: AcceptedTask
  /** The bytes of an archive that was packed without an interruption. */
  readonly whole: Buffer
  /** Interrupts a run, for this reason, at its first report with a checkpoint behind the start; returns that report. */
  interrupt(reason: Error): Promise<{ progress: TaskProgress; checkpoint: Checkpoint }>
}

async function interruptible(t: Test): Promise<Interrupted> {
  const depot = await makeExportDepot(t, packageFiles({ fixid: 'large', payload: '' }))
  writeSparse(path.join(depot.repositoryDirectory, 'large.uxz'), 80 * MiB, 'end')
  await depot.scan()
  const accepted = await depot.accept()
  await depot.runExport(accepted)
  const whole = fs.readFileSync(depot.archivePath(accepted))
  fs.rmSync(depot.archivePath(accepted))
  return {
    ...depot,
    accepted,
    whole,
    async interrupt(reason) {
      const stop = new AbortController()
      const reports: { progress: TaskProgress; checkpoint: Checkpoint }[] = []
      const running = depot.runExport(accepted, {
        signal: stop.signal,
        async onProgress(progress, checkpoint) {
          if (checkpoint.offset === 0) return
          reports.push({ progress, checkpoint })
          stop.abort(reason)
        }
      })
      await t.rejects(running, reason)
      t.same(openFilesBelow(depot.repositoryDirectory).concat(openFilesBelow(depot.archivesDirectory)), [])
      const last = reports.at(-1)
      if (last === undefined) throw new Error('nothing was reported')
      return last
    }
  }
}

t.test('a stop keeps the part for the next run, which continues from its checkpoint', async (t) => {
  const depot = await interruptible(t)
  const { progress, checkpoint } = await depot.interrupt(new Error('enough'))
  t.ok(progress.bytesDone < depot.whole.length, 'it was stopped in its midst')
  t.ok(checkpoint.offset > 0 && checkpoint.offset <= progress.bytesDone)
  t.same(depot.archives(), [`${depot.accepted.task.archiveName}.1.part`])
  // The copied files are not read again: their content may have changed.
  const fd = fs.openSync(path.join(depot.repositoryDirectory, 'large.uxz'), 'r+')
  fs.writeSync(fd, 'changed', 100)
  fs.closeSync(fd)
  await depot.runExport(depot.accepted, { token: 2, checkpoint })
  t.same(depot.archives(), [depot.accepted.task.archiveName])
  t.ok(fs.readFileSync(depot.archivePath(depot.accepted)).equals(depot.whole), 'byte-identical to an uninterrupted one')
})

t.test('a canceled export leaves nothing', async (t) => {
  const depot = await interruptible(t)
  await depot.interrupt(new LeaseLost({ jobId: 1, token: 1 }))
  t.same(depot.archives(), [])
})

t.test('a lost lease ends the run, and leaves nothing of it', async (t) => {
  const depot = await interruptible(t)
  const lost = new LeaseLost({ jobId: 1, token: 1 })
  await t.rejects(depot.runExport(depot.accepted, { onProgress: () => Promise.reject(lost) }), lost)
  t.same(depot.archives(), [])
})

t.test('an archive that was published, but not recorded, is completed by the next run', async (t) => {
  const depot = await interruptible(t)
  const { checkpoint } = await depot.interrupt(new Error('enough'))
  await depot.runExport(depot.accepted, { token: 2, checkpoint })
  await depot.runExport(depot.accepted, { token: 3, checkpoint })
  t.same(depot.archives(), [depot.accepted.task.archiveName])
  t.ok(fs.readFileSync(depot.archivePath(depot.accepted)).equals(depot.whole))
})

t.test('an archive whose part was removed is packed from the start', async (t) => {
  const depot = await interruptible(t)
  const { checkpoint } = await depot.interrupt(new Error('enough'))
  for (const name of depot.archives()) fs.rmSync(path.join(depot.archivesDirectory, name))
  const reported: Checkpoint[] = []
  const onProgress = async (_: TaskProgress, checkpoint: Checkpoint) => void reported.push(checkpoint)
  await depot.runExport(depot.accepted, { token: 2, checkpoint, onProgress })
  t.same(reported[0], FROM_THE_START, 'the old checkpoint is withdrawn first')
  t.ok(fs.readFileSync(depot.archivePath(depot.accepted)).equals(depot.whole))
})

t.test('an archive that its storage cannot finish is packed again', async (t) => {
  const depot = await interruptible(t)
  const storage = createArchiveDirectory(depot.archivesDirectory)
  const starts: number[] = []
  const retried: ArchiveStorage = {
    ...storage,
    async resume(claim) {
      starts.push(claim.start)
      const archive = await storage.resume(claim)
      if (starts.length > 1) return archive
      const publish = () => archive.keep().then(() => Promise.reject(new PartsLost('It cannot be finished')))
      return { ...archive, publish }
    }
  }
  t.same(await depot.runExport(depot.accepted, { storage: retried }), OPERATION_SUCCEEDED)
  t.same(starts, [0, 0])
  t.ok(fs.readFileSync(depot.archivePath(depot.accepted)).equals(depot.whole))
})

t.test('a stop takes precedence over an error at the same time', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const accepted = await depot.accept()
  fs.rmSync(path.join(depot.repositoryDirectory, `${UEFI}.uxz`))
  fs.rmdirSync(depot.archivesDirectory)
  const reason = new Error('enough')
  await t.rejects(depot.runExport(accepted, { signal: AbortSignal.abort(reason) }), reason)
})

t.test('a failed export removes the archive that a dead worker has published', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const accepted = await depot.accept()
  await depot.runExport(accepted)
  await depot.db.updateTable('job').set({ crashes: 3 }).execute()
  t.equal((await depot.settle(accepted)).task.state, 'failed')
  t.same(depot.archives(), [])
})
