/** The package that a path names. */
import { Type } from 'typebox'
import type { CatalogReader, PackageSummary } from '../../../core/catalog/catalog.ts'
import { Problem } from '../../../core/problems/problem.ts'
import { SAMPLE_FIXID } from '../../samples.ts'

export const PackageParams = Type.Object({
  fixid: Type.String({ minLength: 1, maxLength: 255, examples: [SAMPLE_FIXID], description: 'The fixid of a package.' })
})

/** @throws Problem PACKAGE_UNKNOWN */
export async function findPackage(catalog: CatalogReader, fixid: string): Promise<PackageSummary> {
  const found = await catalog.findPackage(fixid)
  if (found === undefined) throw new Problem('PACKAGE_UNKNOWN', `There is no package ${JSON.stringify(fixid)}.`)
  return found
}
