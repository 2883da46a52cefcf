import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { generateRepository } from '../../sample/generate.ts'
import { OPERATION_SUCCEEDED } from '../../src/core/message.ts'
import type { TaskProgress } from '../../src/core/task.ts'
import { archiveReaders, readArchive, skipReader } from '../helpers/archive-readers.ts'
import { openFilesBelow } from '../helpers/open-files.ts'
import { packageFiles, smallRepository, UEFI, XCC } from '../helpers/packages.ts'
import { makeExportDepot, writeSparse } from './pack-queued.ts'

const MiB = 2 ** 20
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

t.test('the archive holds the files of the repository as other programs read them', async (t) => {
  const depot = await makeExportDepot(t)
  const { repositoryDirectory: directory } = depot
  const manifest = await generateRepository({ directory, targetBytes: 1_000_000, seedFiles: [] })
  await depot.scan()
  const accepted = await depot.accept()
  const { task, error } = await depot.settle(accepted)
  t.equal(error, undefined)
  t.match(task, { state: 'completed', packagesDone: task.packagesTotal, bytesDone: task.bytesTotal, attempt: 1 })
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
    t.test(`${reader.command} finds it sound`, { skip: skipReader(reader) }, async (t) => {
      const { exitCode, output, names } = await reader.check(archive)
      t.equal(exitCode, 0, output)
      t.equal(names.length, entries.length)
    })
  }
})

t.test('progress only grows, is seen while the archive grows, and ends with the totals', async (t) => {
  const depot = await makeExportDepot(t)
  const fixids = ['a', 'b', 'c']
  for (const fixid of fixids) {
    depot.write(packageFiles({ fixid, payload: '' }))
    writeSparse(path.join(depot.repositoryDirectory, `${fixid}.uxz`), 12 * MiB, fixid)
  }
  await depot.scan()
  const accepted = await depot.accept()
  const archive = `${depot.archivePath(accepted)}.part`
  const reports: TaskProgress[] = []
  let isOnDisk = true
  await depot.runExport(accepted, {
    onProgress(report) {
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

t.test('equal selections make equal archives, whichever way they are asked for', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const digests: string[] = []
  for (const fixids of [[UEFI, XCC], [XCC, UEFI], [UEFI]]) {
    const accepted = await depot.accept({ fixids })
    await depot.settle(accepted)
    digests.push(sha256(fs.readFileSync(depot.archivePath(accepted))))
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

t.test('what a worker that died has left of the archive does not get into it', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const [accepted, other] = [await depot.accept(), await depot.accept()]
  const part = `${depot.archivePath(accepted)}.part`
  fs.writeFileSync(part, Buffer.alloc(accepted.task.bytesTotal + 1_000, 'left over'))
  await depot.settle(accepted)
  const [bytes, same] = [accepted, other].map((one) => fs.readFileSync(depot.archivePath(one)))
  t.ok(same !== undefined && bytes?.equals(same))
  t.equal(bytes?.length, accepted.task.bytesTotal)
  t.notOk(fs.existsSync(part))
})

t.test('a stop ends the run with its reason, and no part of the archive is left', async (t) => {
  const depot = await makeExportDepot(t, packageFiles({ fixid: 'large', payload: '' }))
  writeSparse(path.join(depot.repositoryDirectory, 'large.uxz'), 40 * MiB, 'end')
  await depot.scan()
  const accepted = await depot.accept()
  const reason = new Error('enough')
  await t.rejects(depot.runExport(accepted, { signal: AbortSignal.abort(reason) }), reason)
  t.same(depot.archives(), [])

  const stop = new AbortController()
  const reports: TaskProgress[] = []
  const running = depot.runExport(accepted, {
    signal: stop.signal,
    onProgress(report) {
      reports.push(report)
      stop.abort(reason)
    }
  })
  await t.rejects(running, reason)
  t.ok((reports[0]?.bytesDone ?? 0) < accepted.task.bytesTotal, 'it was stopped in its midst')
  t.same(depot.archives(), [])
  t.same(openFilesBelow(depot.repositoryDirectory).concat(openFilesBelow(depot.archivesDirectory)), [])
})

t.test('a stop matters more than what goes wrong at the same time', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const accepted = await depot.accept()
  fs.rmSync(path.join(depot.repositoryDirectory, `${UEFI}.uxz`))
  fs.rmdirSync(depot.archivesDirectory)
  const reason = new Error('enough')
  await t.rejects(depot.runExport(accepted, { signal: AbortSignal.abort(reason) }), reason)
})
