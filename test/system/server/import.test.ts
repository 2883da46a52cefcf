import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import t, { type Test } from 'tap'
import { generateRepository } from '../../../sample/generate.ts'
import { basic, IMPORT } from '../../support/api/app.ts'
import { filesBody } from '../../support/api/multipart.ts'
import { contentsOf } from '../../support/depot.ts'
import { packageFiles } from '../../support/packages.ts'
import { ADMIN_PASSWORD, makeDirectories, startServer, type TestServer, until } from '../../support/servers/server.ts'

const FIRMWARE = '/updateRepositories/firmware'
const LISTING = `${FIRMWARE}?key=updates&payload`

interface ImportAnswer {
  readonly jobid: number
  readonly state: string
}

/** Exports everything. @returns the archive under its name */
async function exportAll(server: TestServer): Promise<Record<string, Buffer>> {
  const { current } = await server.finished(await server.export())
  const response = await server.call(`${FIRMWARE}?key=export&exportRepoFilename=${current}`)
  return { [current]: Buffer.from(await response.arrayBuffer()) }
}

function send(server: TestServer, files: Readonly<Record<string, Buffer>>): Promise<Response> {
  const { headers, payload } = filesBody(files)
  return server.call(IMPORT, { method: 'POST', headers, body: new Uint8Array(payload) })
}

/** A sample repository with all its defects, and the archive of all of it. */
async function sampleArchive(t: Test) {
  const directories = makeDirectories(t)
  await generateRepository({ directory: directories.repositoryDirectory, targetBytes: 3_000_000, seedFiles: [] })
  const server = await startServer(t, directories)
  return { directories, server, archive: await exportAll(server) }
}

const only = (archive: Readonly<Record<string, Buffer>>): Buffer => Object.values(archive)[0] ?? Buffer.alloc(0)

t.test('a depot that imports the export of another one has the same catalog, files and archive', async (t) => {
  const source = await sampleArchive(t)
  await t.test('into an empty depot', async (t) => {
    const directories = makeDirectories(t)
    const target = await startServer(t, directories)
    const answer = await send(target, source.archive)
    if (answer.status !== 200) t.comment(await answer.clone().text())
    t.equal(answer.status, 200)
    t.match(await target.finished(((await answer.json()) as ImportAnswer).jobid), { state: 'complete' })
    t.same(await target.json(LISTING), await source.server.json(LISTING))
    const imported = contentsOf(directories.repositoryDirectory)
    const originals = contentsOf(source.directories.repositoryDirectory)
    t.ok(Object.keys(imported).length > 300)
    for (const [file, content] of Object.entries(imported)) {
      if (content !== originals[file]) t.fail(`${file} has other content`)
      const times = [source.directories, directories].map(
        (depot) => fs.statSync(path.join(depot.repositoryDirectory, file)).mtime
      )
      t.equal(Math.floor(Number(times[0]) / 1000), Math.floor(Number(times[1]) / 1000), file)
    }
    t.ok(only(await exportAll(target)).equals(only(source.archive)), 'the export of the target is byte-identical')
  })
})

t.test('an accepted import completes after the server was killed', async (t) => {
  const { archive, server: source } = await sampleArchive(t)
  const expected = await source.json(LISTING)
  for (const round of [1, 2, 3]) {
    const directories = makeDirectories(t)
    const first = await startServer(t, directories)
    const cut = send(first, archive).catch(() => {})
    const isAccepted = async () =>
      (await first.json<{ title: string }[]>('/tasks')).some(({ title }) => /Import/.test(title))
    await until('the import is accepted', isAccepted)
    await first.stop('SIGKILL')
    await cut
    const next = await startServer(t, directories)
    const [task] = await next
      .json<{ id: string; title: string }[]>('/tasks')
      .then((tasks) => tasks.filter(({ title }) => /Import/.test(title)))
    t.match(await next.finished(Number(task?.id)), { state: 'complete' }, `round ${round}`)
    t.same(await next.json(LISTING), expected)
    await until('no hidden file remains', () =>
      fs.readdirSync(directories.repositoryDirectory).every((name) => !name.startsWith('.'))
    )
    await next.stop()
  }
})

t.test('an upload that was not accepted before the server was killed leaves nothing', async (t) => {
  const directories = makeDirectories(t, packageFiles({ fixid: 'a', payload: 'x' }))
  const before = contentsOf(directories.repositoryDirectory)
  const first = await startServer(t, directories)
  const request = http.request(`${first.url}${IMPORT}`, {
    method: 'POST',
    headers: { authorization: basic('admin', ADMIN_PASSWORD), 'content-type': 'multipart/form-data; boundary=x' }
  })
  request.on('error', () => {})
  request.write('--x\r\nContent-Disposition: form-data; name="f"; filename="b.uxz"\r\n\r\n')
  request.write(Buffer.alloc(4_000_000))
  await until('a part of the upload is written', () =>
    Object.values(contentsOf(directories.repositoryDirectory)).some(({ length }) => length >= 1_000_000)
  )
  await first.stop('SIGKILL')
  const next = await startServer(t, directories)
  t.same(contentsOf(directories.repositoryDirectory), before)
  t.same(
    fs.readdirSync(directories.repositoryDirectory).filter((name) => name.startsWith('.')),
    []
  )
  t.notOk((await next.json<{ title: string }[]>('/tasks')).some(({ title }) => /Import/.test(title)))
})
