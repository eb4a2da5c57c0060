//! The guide, step after step.

use std::time::{Duration, UNIX_EPOCH};

use kortlab_apdu::Channel;
use kortlab_card::{
    Card, CertificateInfo, Change, IfChanged, Journal, Pin, PinRole, Problem, Slot,
};
use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::clock::Clock;
use kortlab_issuer::inspect::{CertificateSummary, Colour, Purpose};
use kortlab_portal_core::{
    Approval, HccEntry, IssuedPair, LogInKey, Order, OrderId, OrderState, Portal, PortalError,
    Session, TRIAL_TEXT, TestPageRow,
};

use super::error::{Cause, RenewalError};
use super::{Event, Interaction, Outcome, Step, space};
use crate::card::{self, CardLogIn};
use crate::notes::{self, HolderNotes};
use crate::report::Report;
use crate::understood::{self, CardFacts, Difference, NotUnderstood};

/// The list is shown again after removing, so often at most.
const MAX_LISTS: usize = 4;
/// So many certificates of the list at most show which authorities are the portal's.
const MOST_ASKED: usize = 64;
/// More faults of the card are not told one by one.
const MOST_FAULTS: usize = 8;
/// Of an order for a card that no HCC is known of.
const NOTHING_TO_COMPARE: &str = "the card has no HCC, so there is nothing on it to compare the \
                                  employer in the order with, nor what else the certificates will \
                                  say: only the portal says it";

pub(super) struct Flow<'a, C: Channel> {
    pub(super) card: &'a mut Card<C>,
    pub(super) portal: &'a mut dyn Portal,
    pub(super) clock: &'a dyn Clock,
    pub(super) holder: &'a mut dyn Interaction,
    pub(super) journal: &'a mut dyn Journal,
    pub(super) notes: &'a mut dyn HolderNotes,
    /// What the card's certificates say at the beginning: later, some of them are gone.
    pub(super) facts: CardFacts,
    /// What is other than they say, and a person has confirmed in this run.
    pub(super) confirmed: Vec<Difference>,
    /// Whether the portal has taken a receipt in this run.
    pub(super) receipt_signed: bool,
}

/// A certificate on the card, and what the portal says of it.
struct Row {
    slot: Slot,
    row: TestPageRow,
}

type StepResult<T> = Result<T, Cause>;

impl<C: Channel> Flow<'_, C> {
    pub(super) fn run(mut self) -> Result<Outcome, RenewalError> {
        let rows = self.step(Step::InsertCard, Self::insert_card)?;
        let report = report(&rows);
        if report.is_complete() {
            self.forget();
            self.holder.event(&Event::AlreadyValid);
            return Ok(Outcome::AlreadyValid(report));
        }
        let session = self.step(Step::LogIn, |flow| flow.log_in(&rows))?;
        let issued = self.renew(&session);
        // Whatever happened, the session is ended: the guide never leaves anyone logged in. That
        // this fails is told only if nothing failed before.
        let pair = match issued {
            Ok(pair) => pair,
            Err(error) => {
                let _ = self.portal.log_out(&session.token);
                return Err(error);
            }
        };
        self.step(Step::LogOut, |flow| flow.log_out(&session))?;
        let report = self.step(Step::Check, Self::check)?;
        self.step(Step::TryAuthentication, |flow| {
            flow.try_authentication(&pair)
        })?;
        self.step(Step::TrySignature, |flow| flow.try_signature(&pair))?;
        Ok(Outcome::Renewed(report))
    }

    fn renew(&mut self, session: &Session) -> Result<IssuedPair, RenewalError> {
        self.step(Step::RemoveOld, |flow| flow.remove_old(session))?;
        let under_way = self.step(Step::Order, |flow| flow.order(session))?;
        let (pair, approved) = match under_way {
            UnderWay::Issued(pair) => (pair, None),
            UnderWay::Open(order) => {
                let pair = self.step(Step::Approve, |flow| flow.approve(session, &order))?;
                (pair, Some(order))
            }
        };
        self.step(Step::Write, |flow| flow.write(&pair, approved.as_ref()))?;
        self.step(Step::Receipt, |flow| {
            flow.receipt(session, &pair)?;
            flow.remove_superseded(session, &pair)
        })?;
        self.forget();
        Ok(pair)
    }

    /// Runs one step: says that it begins, and puts its name to what fails.
    fn step<T>(
        &mut self,
        step: Step,
        work: impl FnOnce(&mut Self) -> StepResult<T>,
    ) -> Result<T, RenewalError> {
        self.holder.event(&Event::Began(step));
        let worked = work(self);
        worked.map_err(|cause| RenewalError::new(step, cause, self.receipt_signed))
    }

    fn insert_card(&mut self) -> StepResult<Vec<Row>> {
        self.recover()?;
        let rows = self.rows()?;
        must_be_of_one_card(&rows, self.card.can_change_slots().is_ok())?;
        self.facts = notes::facts(self.notes, rows.iter().map(|row| &*row.slot.der))?;
        let label = self.card.contents().label().unwrap_or_default().to_owned();
        let report = report(&rows);
        let is_complete = report.is_complete();
        self.holder.event(&Event::CardNoticed { label, report });
        // Who cannot log in, or not sign, comes to no end, and has no card that works either.
        for role in PinRole::ALL {
            self.card.must_not_be_blocked(role)?;
        }
        match is_complete {
            true => self.must_be_in_order(&rows)?,
            false => {
                self.tell_faults()?;
                // Before a PIN is asked for.
                self.card.can_change_slots()?;
            }
        }
        Ok(rows)
    }

    /// Says what is wrong with the card beside what the portal judges.
    fn tell_faults(&mut self) -> StepResult<()> {
        let faults = card::faults(self.card, self.clock.now())?;
        let shown = faults
            .iter()
            .take(MOST_FAULTS)
            .map(|fault| format!("on the card, {}; {}", in_words(fault), fault.next_step()));
        let mut remarks: Vec<_> = shown.collect();
        if let Some(others @ 1..) = faults.len().checked_sub(MOST_FAULTS) {
            remarks.push(format!(
                "and {others} more: `kortlab cert check` says them all"
            ));
        }
        self.remark(remarks);
        Ok(())
    }

    /// Four certificates that the portal calls valid are nothing to be content with where they do not
    /// go with the card.
    fn must_be_in_order(&mut self, rows: &[Row]) -> StepResult<()> {
        self.must_not_have_lapsed(rows)?;
        let faults = card::faults(self.card, self.clock.now())?;
        match faults.split_first() {
            None => Ok(()),
            Some((first, others)) => Err(Cause::Faulty {
                first: in_words(first),
                next_step: first.next_step(),
                others: others.len(),
            }),
        }
    }

    /// A portal's clock may be ahead of this one, and then knows better what is not valid any more; that
    /// something still is, it cannot know better.
    fn must_not_have_lapsed(&self, rows: &[Row]) -> StepResult<()> {
        let now = self.clock.now();
        let lapsed = |row: &&Row| row.row.is_valid() && row.row.summary.not_after < now;
        match rows.iter().find(lapsed) {
            None => Ok(()),
            Some(row) => Err(Cause::Lapsed {
                certificate: describe(&row.row.summary),
                until: row.row.summary.not_after,
            }),
        }
    }

    /// An earlier change of the card that was interrupted is completed or undone first.
    fn recover(&mut self) -> StepResult<()> {
        while self.card.pending(self.journal)?.is_some() {
            let pin = self.pin(PinRole::Authentication, Step::InsertCard)?;
            let Some(recovery) = self.card.recover(self.journal, &pin, IfChanged::LeaveIt)? else {
                break;
            };
            self.remark(recovery.warnings.clone());
            self.holder.event(&Event::Recovered(recovery));
        }
        Ok(())
    }

    fn log_in(&mut self, rows: &[Row]) -> StepResult<Session> {
        let carrier = rows
            .iter()
            .filter(|row| {
                let summary = &row.row.summary;
                summary.colour == Colour::Blue && summary.purpose == Purpose::Authentication
            })
            // The newest, should a card have several.
            .max_by_key(|row| row.row.summary.not_before)
            .ok_or(Cause::NoCarrierCertificate)?;
        let pin = self.pin(PinRole::Authentication, Step::LogIn)?;
        let session = self.with_key(&carrier.slot.der, &pin, |portal, key| portal.log_in(key))?;
        self.holder.event(&Event::LoggedIn {
            card_number: session.card_number,
            holder: session.holder.full_name(),
        });
        // Before anything on the card is changed for them.
        let differences = understood::logged_in(&session, &self.facts);
        if let Some(first) = self.unconfirmed(&differences) {
            let _ = self.portal.log_out(&session.token);
            return Err(Cause::OtherHolder(first));
        }
        Ok(session)
    }

    /// Removes what is expired or revoked, and what is false. Before the first removal it is certain that two
    /// certificates will fit.
    fn remove_old(&mut self, session: &Session) -> StepResult<()> {
        let rows = self.rows()?;
        let listed = self.portal.certificates(&session.token)?;
        // Before anything is removed or ordered.
        let going_on = self.issued_before(session, &listed)?;
        if going_on.is_none() {
            // An order that could not be approved would leave the card without any HCC.
            self.signature_certificate()?;
        }
        let issuers = self.issuers(&rows, &listed)?;
        let goes = |row: &Row| is_old(&row.row) || is_false(row, &issuers);
        self.check_space(&rows, &listed, going_on, goes)?;
        self.keep_notes(&rows, goes);
        let removed = self.remove(session, goes)?;
        self.holder.event(&Event::NothingOldLeft { removed });
        Ok(())
    }

    /// The authorities by which the portal has issued HCCs of this card, as far as one of the card's names
    /// them and is not known to the portal. What the list has counts only if the test page knows it,
    /// to the last bit: else one altered certificate would make false ones of those that are good.
    fn issuers(&mut self, rows: &[Row], listed: &[HccEntry]) -> StepResult<Vec<Vec<u8>>> {
        let unknown = rows.iter().filter(|row| !row.row.known);
        let unknown: Vec<_> = unknown
            .filter(|row| row.row.summary.colour == Colour::Pink)
            .filter_map(|row| Some(row.slot.info.as_ref()?.issuer_der.clone()))
            .collect();
        let of_them = listed.iter().rev().filter_map(|entry| {
            let issuer = issuer(&entry.certificate)?;
            unknown.contains(&issuer).then_some((issuer, entry))
        });
        let (issuers, entries): (Vec<_>, Vec<_>) = of_them.take(MOST_ASKED).unzip();
        let ders: Vec<_> = entries
            .iter()
            .map(|entry| entry.certificate.clone())
            .collect();
        for (row, entry) in self.portal.test_page(&ders)?.iter().zip(entries) {
            if !row.known {
                return Err(contradiction(row, Some(entry)));
            }
        }
        Ok(issuers)
    }

    /// Keeps what the HCCs say, if one of them goes. A run that is begun again compares with that.
    fn keep_notes(&mut self, rows: &[Row], goes: impl Fn(&Row) -> bool) {
        let (Some(number), true) = (self.facts.card_number(), rows.iter().any(goes)) else {
            return;
        };
        let hccs: Vec<_> = rows
            .iter()
            .filter(|row| row.row.summary.colour == Colour::Pink)
            .map(|row| &*row.slot.der)
            .collect();
        if let Err(error) = self.notes.keep(&number, &hccs) {
            self.remark(vec![format!(
                "{error}; should the renewal stop before the new certificates are on the card, \
                 there is nothing to compare the personal data with when it is begun again"
            )]);
        }
    }

    /// Forgets what was kept: the card says it itself again.
    fn forget(&mut self) {
        if let Some(number) = self.facts.card_number()
            && let Err(error) = self.notes.forget(&number)
        {
            self.remark(vec![error.to_string()]);
        }
    }

    /// Removes the HCCs that the new pair stands in for, once its receipt is signed: the portal has
    /// revoked them as superseded, or an earlier order of the card has left them there. So it does with
    /// those that only pretend to be by the authority of the new pair.
    fn remove_superseded(&mut self, session: &Session, pair: &IssuedPair) -> StepResult<()> {
        let is_new =
            |row: &Row| row.slot.der == pair.authentication || row.slot.der == pair.signature;
        let superseded = |row: &Row| row.row.summary.colour == Colour::Pink && row.row.known;
        let issuers: Vec<_> = issuer(&pair.signature).into_iter().collect();
        // What is written and receipted stays, whatever the portal says of it now.
        let goes = |row: &Row| {
            !is_new(row) && (is_old(&row.row) || superseded(row) || is_false(row, &issuers))
        };
        self.remove(session, goes).map(drop)
    }

    /// Removes certificates, all of them in one transaction, and lists again, until none is left;
    /// says how many it were.
    fn remove(&mut self, session: &Session, goes: impl Fn(&Row) -> bool) -> StepResult<usize> {
        let mut removed = 0;
        for _ in 0..MAX_LISTS {
            let mut old = self.rows()?;
            old.retain(|row| goes(row));
            if old.is_empty() {
                return Ok(removed);
            }
            self.must_agree(session, &old)?;
            let slots = old.iter().map(|row| row.slot.clone());
            self.change(slots.fold(Change::new(), Change::remove))?;
            removed += old.len();
            for old in old {
                if old.row.known {
                    self.portal
                        .removed(&session.token, &old.row.summary.serial)?;
                }
                self.holder.event(&Event::Removed(old.row));
            }
        }
        let left = self.rows()?.iter().filter(|row| goes(row)).count();
        Err(Cause::NotRemoved { left })
    }

    /// Nothing goes of which the portal's test page says that it is over, or not known, and its list
    /// of the card's HCCs does not. What the portal has issued for the card is in the list; the dates of
    /// what it has not issued are seen here, too.
    fn must_agree(&mut self, session: &Session, going: &[Row]) -> StepResult<()> {
        let listed = self.portal.certificates(&session.token)?;
        let now = self.clock.now();
        for Row { slot, row } in going {
            let entry = listed.iter().find(|entry| slot.der == entry.certificate);
            let agree = match entry {
                Some(entry) if is_old(row) || !row.known => is_over(entry.state),
                Some(_) => true,
                None if row.known => false,
                None => !is_old(row) || row.summary.not_after < now,
            };
            if !agree {
                return Err(contradiction(row, entry));
            }
        }
        Ok(())
    }

    /// Changes the card in one transaction. The authentication PIN is verified since the log-in.
    fn change(&mut self, change: Change) -> StepResult<()> {
        let now = UNIX_EPOCH + Duration::from_secs(self.clock.now().unix_seconds());
        let change = change.at(now);
        let executed = self.card.change(&change, self.journal)?;
        self.remark(executed.warnings);
        Ok(())
    }

    fn check_space(
        &mut self,
        rows: &[Row],
        listed: &[HccEntry],
        going_on: Option<OrderId>,
        goes: impl Fn(&Row) -> bool,
    ) -> StepResult<()> {
        let on_card = |entry: &HccEntry| rows.iter().any(|row| row.slot.der == entry.certificate);
        // What is written already of the pair needs no room any more; another pair does.
        let present = listed
            .iter()
            .filter(|entry| Some(entry.order) == going_on && on_card(entry))
            .count();
        let old: Vec<_> = rows
            .iter()
            .filter(|row| goes(row))
            .map(|row| row.slot.der.len())
            .collect();
        let removable = rows
            .iter()
            .filter(|row| row.row.summary.colour != Colour::Blue)
            .filter(|row| !goes(row))
            .map(|row| describe(&row.row.summary));
        space::check(
            self.card,
            self.journal,
            2_usize.saturating_sub(present),
            &old,
            removable,
        )
    }

    /// Goes on with what was issued before, or shows the data of an open order.
    fn order(&mut self, session: &Session) -> StepResult<UnderWay> {
        let listed = self.portal.certificates(&session.token)?;
        if let Some(order) = self.issued_before(session, &listed)? {
            self.holder.event(&Event::Resumed(order));
            return Ok(UnderWay::Issued(self.portal.fetch(&session.token, order)?));
        }
        let order = self.portal.order(&session.token)?;
        if order.state == OrderState::Issued {
            self.holder.event(&Event::Resumed(order.id));
            let pair = self.portal.fetch(&session.token, order.id)?;
            return Ok(UnderWay::Issued(pair));
        }
        let data = order.data_to_check();
        self.holder.event(&Event::DataToCheck(data.clone()));
        // Shown it is in any case; approved only if it is understood.
        let differences = understood::order(&order, &self.facts)?;
        if !self.facts.names_employer() {
            self.remark(vec![NOTHING_TO_COMPARE.to_owned()]);
        }
        if let Some(first) = self.unconfirmed(&differences) {
            return Err(Cause::OtherData(first));
        }
        if !self.holder.data_are_right(&data) {
            return Err(Cause::NotConfirmed("the personal data"));
        }
        Ok(UnderWay::Open(order))
    }

    /// Has a person confirm what is other than the card says, once each; the first of it if none does.
    fn unconfirmed(&mut self, differences: &[Difference]) -> Option<Difference> {
        let asked = |one: &&Difference| !self.confirmed.contains(one);
        let new: Vec<_> = differences.iter().filter(asked).cloned().collect();
        let first = new.first()?.clone();
        if !self.holder.differences_are_right(&new) {
            return Some(first);
        }
        self.confirmed.extend(new);
        None
    }

    /// The newest order whose two certificates are good, or on hold until its receipt is signed:
    /// *lägga tillbaka HCC*. One that was put on hold later comes to nothing any more.
    fn issued_before(
        &mut self,
        session: &Session,
        listed: &[HccEntry],
    ) -> StepResult<Option<OrderId>> {
        let is_on_hold = |entry: &HccEntry| entry.state == CertificateState::OnHold;
        let waiting = match listed.iter().any(is_on_hold) {
            true => self.portal.receipt(&session.token)?,
            false => None,
        };
        let waiting = waiting.map(|receipt| receipt.order);
        let may_be_on_card = |entry: &HccEntry| match entry.state {
            CertificateState::Valid => true,
            CertificateState::OnHold => Some(entry.order) == waiting,
            _ => false,
        };
        Ok(listed.iter().rev().map(|entry| entry.order).find(|order| {
            let mut of_order = listed.iter().filter(|entry| entry.order == *order);
            of_order.all(may_be_on_card)
        }))
    }

    /// Two requests, one by each key, and the approval of exactly these.
    fn approve(&mut self, session: &Session, order: &Order) -> StepResult<IssuedPair> {
        let name = order.holder.full_name();
        let sign = self.pin(PinRole::Signature, Step::Approve)?;
        let signer = self.signature_certificate()?;
        // The authentication PIN is verified since the log-in.
        let authentication_request =
            card::request(self.card, PinRole::Authentication, None, &name)?;
        let signature_request = card::request(self.card, PinRole::Signature, Some(&sign), &name)?;
        let text = order.approval_text(&authentication_request, &signature_request);
        let signed_approval = self.sign_text(text.as_bytes(), &signer, &sign)?;
        let approval = Approval {
            authentication_request,
            signature_request,
            signed_approval,
        };
        let pair = self.portal.approve(&session.token, order.id, &approval)?;
        self.holder.event(&Event::Approved(order.id));
        understood::pair(&pair, &self.facts, Some(order))?;
        Ok(pair)
    }

    /// Writes what is not on the card of the pair, in one transaction. What an order that was `approved`
    /// in this run said was compared with the card then; the rest is now.
    fn write(&mut self, pair: &IssuedPair, approved: Option<&Order>) -> StepResult<()> {
        let present = card::certificates(self.card)?;
        let mut change = Change::new();
        let mut written = Vec::new();
        for (role, der) in [
            (PinRole::Authentication, &pair.authentication),
            (PinRole::Signature, &pair.signature),
        ] {
            if present.iter().any(|slot| slot.der == *der) {
                let row = self.row(der)?;
                self.holder.event(&Event::AlreadyWritten(row));
                continue;
            }
            change = change.write(card::new_hcc(self.card, role, der)?);
            written.push(der);
        }
        let differences = understood::pair(pair, &self.facts, approved)?;
        if let Some(first) = self.unconfirmed(&differences) {
            return Err(Cause::OtherPair(first));
        }
        self.must_be_issued(pair)?;
        if written.is_empty() {
            return Ok(());
        }
        self.change(change).map_err(|cause| match cause {
            Cause::Card(error) => Cause::Card(card::refused(error)),
            cause => cause,
        })?;
        let present = card::certificates(self.card)?;
        for der in written {
            if !present.iter().any(|slot| slot.der == *der) {
                return Err(Cause::ReadBack);
            }
            let row = self.row(der)?;
            self.holder.event(&Event::Written(row));
        }
        Ok(())
    }

    /// A pair that was damaged on its way is not what the portal has issued: the test page knows each
    /// of its certificates to the last bit.
    fn must_be_issued(&mut self, pair: &IssuedPair) -> StepResult<()> {
        let rows = self.rows_of(pair)?;
        for (index, role) in [PinRole::Authentication, PinRole::Signature]
            .into_iter()
            .enumerate()
        {
            if !rows.get(index).is_some_and(|row| row.known) {
                return Err(Cause::NotIssued(role));
            }
        }
        Ok(())
    }

    fn receipt(&mut self, session: &Session, pair: &IssuedPair) -> StepResult<()> {
        let Some(receipt) = self.portal.receipt(&session.token)? else {
            let is_on_hold = |row: &TestPageRow| row.state == CertificateState::OnHold;
            if self.rows_of(pair)?.iter().any(is_on_hold) {
                // On hold for another reason than the receipt, it is not given out either, and why is said.
                let _ = self.portal.fetch(&session.token, pair.order)?;
                return Err(Cause::NoReceipt);
            }
            self.holder.event(&Event::NoReceipt);
            return Ok(());
        };
        self.holder
            .event(&Event::ReceiptShown(receipt.text.clone()));
        if receipt.order != pair.order {
            return Err(Cause::NotUnderstood(NotUnderstood::OtherOrder {
                what: "receipt",
                expected: pair.order,
                found: receipt.order,
            }));
        }
        let certificates = [pair.authentication.as_slice(), &pair.signature];
        understood::receipt(&receipt.text, Some(pair.order), certificates, &self.facts)?;
        if !self.holder.receipt_is_right(&receipt.text) {
            return Err(Cause::NotConfirmed("the receipt's contents"));
        }
        let pin = self.pin(PinRole::Signature, Step::Receipt)?;
        let signed = self.sign_text(receipt.text.as_bytes(), &pair.signature, &pin)?;
        self.portal
            .sign_receipt(&session.token, receipt.order, &signed)?;
        self.receipt_signed = true;
        self.holder.event(&Event::ReceiptSigned);
        Ok(())
    }

    fn log_out(&mut self, session: &Session) -> StepResult<()> {
        self.portal.log_out(&session.token)?;
        self.holder.event(&Event::LoggedOut);
        Ok(())
    }

    fn check(&mut self) -> StepResult<Report> {
        let rows = self.rows()?;
        let report = report(&rows);
        self.holder.event(&Event::Checked(report.clone()));
        self.tell_faults()?;
        if report.is_complete() {
            self.must_not_have_lapsed(&rows)?;
            return Ok(report);
        }
        Err(Cause::Incomplete {
            blue: report.valid.blue,
            pink: report.valid.pink,
            others: report.invalid_pink(),
            unknown: rows
                .iter()
                .filter(|row| row.row.is_unknown() && row.row.summary.colour != Colour::Other)
                .map(|row| describe(&row.row.summary))
                .collect(),
        })
    }

    fn try_authentication(&mut self, pair: &IssuedPair) -> StepResult<()> {
        let pin = self.pin(PinRole::Authentication, Step::TryAuthentication)?;
        let certificate = self.with_key(&pair.authentication, &pin, |portal, key| {
            portal.try_authentication(key)
        })?;
        must_be_tried(PinRole::Authentication, &pair.authentication, &certificate)?;
        self.holder.event(&Event::Tried {
            role: PinRole::Authentication,
            certificate,
        });
        Ok(())
    }

    fn try_signature(&mut self, pair: &IssuedPair) -> StepResult<()> {
        let pin = self.pin(PinRole::Signature, Step::TrySignature)?;
        let signed = self.sign_text(TRIAL_TEXT.as_bytes(), &pair.signature, &pin)?;
        let certificate = self.portal.try_signature(&signed)?;
        must_be_tried(PinRole::Signature, &pair.signature, &certificate)?;
        self.holder.event(&Event::Tried {
            role: PinRole::Signature,
            certificate,
        });
        Ok(())
    }

    /// Lends the authentication key to the portal, with one of its certificates. What the card says
    /// comes before what the portal makes of it.
    fn with_key<T>(
        &mut self,
        certificate: &[u8],
        pin: &Pin,
        work: impl FnOnce(&mut dyn Portal, &mut dyn LogInKey) -> Result<T, PortalError>,
    ) -> StepResult<T> {
        let mut key = CardLogIn::new(self.card, pin, certificate);
        let result = work(self.portal, &mut key);
        let has_signed = key.has_signed();
        match (result, key.into_failure()) {
            (Ok(value), _) if has_signed => Ok(value),
            (Ok(_), None) => Err(Cause::NotAsked),
            (Ok(_), Some(failure)) => Err(failure.into()),
            (Err(_), Some(failure)) => Err(failure.into()),
            (Err(error), None) => Err(error.into()),
        }
    }

    fn sign_text(&mut self, text: &[u8], certificate: &[u8], pin: &Pin) -> StepResult<Vec<u8>> {
        let now = self.clock.now();
        Ok(card::sign_text(self.card, pin, text, certificate, now)?)
    }

    /// The certificate to approve with: any good one of the signature key, the carrier's as a
    /// rule.
    fn signature_certificate(&mut self) -> StepResult<Vec<u8>> {
        self.rows()?
            .into_iter()
            .filter(|row| row.row.is_valid() && row.row.summary.purpose == Purpose::Signature)
            .min_by_key(|row| row.row.summary.colour)
            .map(|row| row.slot.der.into())
            .ok_or(Cause::NoSignatureCertificate)
    }

    fn remark(&mut self, remarks: Vec<String>) {
        for remark in remarks {
            self.holder.event(&Event::Remark(remark));
        }
    }

    fn pin(&mut self, role: PinRole, step: Step) -> StepResult<Pin> {
        self.holder
            .pin(role, step)
            .map_err(|why| Cause::NoPin { role, why })
    }

    /// The holder's certificates on the card, each with what the portal's test page says of it.
    fn rows(&mut self) -> StepResult<Vec<Row>> {
        let slots = card::certificates(self.card)?;
        let der: Vec<_> = slots.iter().map(|slot| slot.der.to_vec()).collect();
        let rows = self.portal.test_page(&der)?;
        Ok(slots
            .into_iter()
            .zip(rows)
            .map(|(slot, row)| Row { slot, row })
            .collect())
    }

    /// What the test page says of a pair, authentication before signature.
    fn rows_of(&mut self, pair: &IssuedPair) -> StepResult<Vec<TestPageRow>> {
        let ders = [pair.authentication.clone(), pair.signature.clone()];
        Ok(self.portal.test_page(&ders)?)
    }

    fn row(&mut self, der: &[u8]) -> StepResult<TestPageRow> {
        let rows = self.portal.test_page(&[der.to_vec()])?;
        rows.into_iter().next().ok_or(Cause::ReadBack)
    }
}

/// An order on the way to its certificates.
enum UnderWay {
    /// To be approved.
    Open(Order),
    /// Approved before.
    Issued(IssuedPair),
}

fn report(rows: &[Row]) -> Report {
    let rows: Vec<_> = rows.iter().map(|row| row.row.clone()).collect();
    Report::new(&rows)
}

/// What the guide has removed: HCCs that are expired or revoked. Carrier certificates stay.
fn is_old(row: &TestPageRow) -> bool {
    row.summary.colour == Colour::Pink && is_over(row.state)
}

fn is_over(state: CertificateState) -> bool {
    matches!(
        state,
        CertificateState::Expired | CertificateState::Revoked(_)
    )
}

/// The whole name (DER) of who has issued a certificate (DER), if it can be read.
fn issuer(certificate: &[u8]) -> Option<Vec<u8>> {
    CertificateInfo::parse(certificate).map(|info| info.issuer_der)
}

/// A trial was passed where its row is that of the certificate (DER) that was tried, and valid.
fn must_be_tried(role: PinRole, certificate: &[u8], row: &TestPageRow) -> StepResult<()> {
    let why = if row.certificate != certificate {
        format!("is about {}", describe(&row.summary))
    } else if !row.known {
        "calls the certificate unknown".to_owned()
    } else if !row.is_valid() {
        format!("calls the certificate {}", row.state.english())
    } else {
        return Ok(());
    };
    Err(Cause::NotTried { role, why })
}

/// What the HCCs say is compared with an order and kept for a run that is begun again: it must be of
/// this card's.
fn must_be_of_one_card(rows: &[Row], can_go: bool) -> StepResult<()> {
    let of = |colour| {
        let summaries = rows.iter().map(|row| &row.row.summary);
        summaries.filter(move |summary| summary.colour == colour)
    };
    let own: Vec<_> = of(Colour::Blue)
        .filter_map(|summary| summary.card_number.as_ref())
        .collect();
    let other = of(Colour::Pink).find_map(|summary| {
        let number = summary.card_number.as_ref()?;
        Some((summary, number, *own.first()?)).filter(|_| !own.contains(&number))
    });
    match other {
        None => Ok(()),
        Some((summary, number, own)) => Err(Cause::OtherCards {
            certificate: describe(summary),
            number: number.clone(),
            own: own.clone(),
            can_go,
        }),
    }
}

/// That the test page says another thing of a certificate than the list for the card.
fn contradiction(row: &TestPageRow, entry: Option<&HccEntry>) -> Cause {
    Cause::Contradiction {
        certificate: describe(&row.summary),
        test_page: match row.known {
            true => row.state_name(),
            false => "unknown",
        },
        list: entry.map_or("nothing", |entry| entry.state.name()),
    }
}

/// A fault of the card: where and what.
fn in_words(fault: &Problem) -> String {
    format!("{}: {} [{}]", fault.place(), fault.message(), fault.code())
}

/// Whether it is an HCC that names an authority of the portal's, which the portal says it has not
/// issued: it was damaged, or somebody made it. What other authorities have issued is not judged.
fn is_false(row: &Row, issuers: &[Vec<u8>]) -> bool {
    let issuer = row.slot.info.as_ref().map(|info| &info.issuer_der);
    row.row.summary.colour == Colour::Pink
        && !row.row.known
        && issuer.is_some_and(|issuer| issuers.contains(issuer))
}

fn describe(summary: &CertificateSummary) -> String {
    format!(
        "{} ({}, issued by {})",
        summary.holder,
        summary.purpose.swedish(),
        summary.issuer
    )
}
