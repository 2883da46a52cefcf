import { verifyChain } from '../../core/accounts/verify-audit-chain.ts'
import type { AuditInspection } from '../../store/accounts/audit-store.ts'
import type { Findings } from './findings.ts'

/** Checks that the audit trail was not changed, and that it is protected. */
export async function checkAudit(store: AuditInspection, findings: Pick<Findings, 'report'>): Promise<void> {
  const { flaw } = await verifyChain(store.records(), { hasHash: store.hasHash })
  if (flaw !== undefined) findings.report('database', `The audit trail was changed. ${flaw.sentence}`)
  await checkProtection(store, (sentence) => findings.report('database', sentence))
}

/** Triggers prevent changes of the records. Only another program can remove them. */
export async function checkProtection(store: AuditInspection, report: (sentence: string) => void): Promise<void> {
  const missing = await store.missingTriggers()
  if (missing.length > 0) report(`The audit trail is not protected: the triggers ${missing.join(', ')} are missing.`)
}
