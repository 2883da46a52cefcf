/** The plan of an archive, computed as in a server, but stored in a file instead of the database. */
import fs from 'node:fs'
import { digestFile } from '../src/storage/disk/read-file.ts'
import { walkRepository } from '../src/storage/disk/walk-repository.ts'
import { createArchivePlanner } from '../src/worker/export/plan-archive.ts'

/** Reads every file below `source`, and writes the plan of an archive of all of them. */
export function writePlan(source: string, planFile: string): void {
  const files = [...walkRepository(source)].flatMap((entry) => ('file' in entry ? [entry.file] : []))
  const selected = files.map(({ path, size, modifiedAt }, id) => {
    return { id, path, size, modifiedAt, ...digestFile(source, path) }
  })
  const planner = createArchivePlanner(new Set())
  const entries = planner.add([{ fixid: 'bench', files: selected }])
  fs.writeFileSync(planFile, JSON.stringify({ entries, archiveSize: planner.finish(0).archiveSize }))
}
