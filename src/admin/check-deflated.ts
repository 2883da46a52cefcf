/** Compares the cache of deflated files with what plans would be made of, also while the server runs. */
import fs from 'node:fs'
import path from 'node:path'
import { deflatedName } from '../files/deflated-files.ts'
import type { InspectionStore } from '../store/inspection-store.ts'
import type { Findings } from './findings.ts'

/**
 * What the directory has beside them is removed by the next scan, and not worth a word.
 * @param hasOthers whether other servers have caches too: then what one lacks is made when it is needed
 */
export async function checkDeflated(
  store: InspectionStore,
  directory: string,
  findings: Findings,
  hasOthers = false
): Promise<void> {
  for await (const forms of store.deflatedPages()) {
    for (const form of forms) {
      const name = deflatedName(form)
      const size = fs.statSync(path.join(directory, name), { throwIfNoEntry: false })?.size
      if (size === form.deflated.size || (size === undefined && hasOthers)) continue
      const wrong =
        size === undefined
          ? 'is not there; the next scan makes it anew.'
          : `has ${size} bytes, and should have ${form.deflated.size}; without it, the next scan makes it anew.`
      findings.report('cache', `${name} ${wrong}`)
    }
  }
}
