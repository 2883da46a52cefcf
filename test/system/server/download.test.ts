import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import t from 'tap'
import { basic } from '../../support/api/app.ts'
import { largeRepository } from '../../support/servers/large-repository.ts'
import { ADMIN_PASSWORD, type Status, startServer, until } from '../../support/servers/server.ts'

const hasCurl = spawnSync('curl', ['--version']).status === 0

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of fs.createReadStream(file)) hash.update(chunk)
  return hash.digest('hex')
}

t.test('the status shows the real progress of an export while it runs', async (t) => {
  const server = await startServer(t, largeRepository(t))
  const taskid = await server.export()
  const seen: Status[] = []
  await until('the export has ended', async () => {
    seen.push(await server.status(taskid))
    return seen.at(-1)?.progress === 100
  })
  const running = seen.filter(({ state }) => state === 'running')
  t.ok(running.some(({ downloadedsize, totalsize }) => downloadedsize > 0 && downloadedsize < totalsize))
  t.ok(running.every(({ progress }) => progress === 50))
  const sizes = seen.map(({ downloadedsize }) => downloadedsize)
  t.same(
    sizes,
    sizes.toSorted((a, b) => a - b),
    'the size only grows'
  )
  t.equal(
    new Set(seen.map(({ current, totalsize }) => `${current} ${totalsize}`)).size,
    1,
    'name and size are known from the start'
  )
  t.match(seen.at(-1), { state: 'complete', downloadednum: 1, total: 1, downloadedsize: seen[0]?.totalsize })
})

t.test('curl resumes a cut download', { skip: hasCurl ? false : 'needs curl' }, async (t) => {
  const options = largeRepository(t)
  const server = await startServer(t, options)
  const { current, totalsize } = await server.finished(await server.export())
  const url = `${server.url}/updateRepositories/firmware?key=export&exportRepoFilename=${current}`
  const archive = path.join(options.dataDirectory, 'archives', current)
  const expected = await digestOf(archive)
  const copy = path.join(path.dirname(options.dataDirectory), 'copy.zip')

  const request = http.get(url, { agent: false, headers: { authorization: basic('admin', ADMIN_PASSWORD) } })
  const [response] = await once(request, 'response')
  for await (const chunk of response) {
    fs.appendFileSync(copy, chunk)
    if (fs.statSync(copy).size > totalsize / 3) break
  }
  request.destroy()
  const begun = fs.statSync(copy).size
  t.ok(begun > 0 && begun < totalsize)

  const curl = spawn('curl', ['-sSf', '-C', '-', '-D', '-', '-u', `admin:${ADMIN_PASSWORD}`, '-o', copy, url])
  let headers = ''
  curl.stdout.on('data', (text) => {
    headers += text
  })
  const [code] = await once(curl, 'close')
  t.equal(code, 0)
  t.match(headers, new RegExp(`^HTTP/1.1 206 [^]*content-range: bytes ${begun}-${totalsize - 1}/${totalsize}\r\n`, 'i'))
  t.equal(fs.statSync(copy).size, totalsize)
  t.equal(await digestOf(copy), expected)
})
