//! What is wrong with invoices, payments and accounts: the rule, and what to do now. See [`super::faults`].

/// The French and the English sentence of a code.
pub(super) fn said(code: &str) -> Option<(&'static str, &'static str)> {
    let said = match code {
        "in_the_future" => (
            "Une facture n'est jamais datée d'après aujourd'hui : choisissez une date passée, ou laissez vide.",
            "An invoice is never dated after today: choose a day that has been, or leave it empty.",
        ),
        "before_the_last" => (
            "La série a déjà une facture plus récente, et ses dates se suivent : choisissez une date qui n'est pas plus ancienne.",
            "The series has a later invoice already, and its dates follow each other: choose a day that is not earlier.",
        ),
        "before_the_preceding" => (
            "Un avoir n'est pas daté d'avant ce qu'il corrige : choisissez une date plus tardive.",
            "A credit note is not dated before what it corrects: choose a later day.",
        ),
        "due_before_issue" => (
            "L'échéance précède la date de la facture : choisissez une date plus tardive.",
            "It would be due before its own date: choose a later day.",
        ),
        "terms_beyond_law" => (
            "La loi ne permet pas une échéance si tardive (60 jours, ou 45 pour une période) : avancez-la.",
            "The law does not allow so late a day (60 days, or 45 for a period): choose an earlier one.",
        ),
        "late_interest_too_low" => (
            "Les pénalités de retard sont d'au moins trois fois le taux d'intérêt légal : relevez ce taux dans les réglages, ou laissez-le vide.",
            "Interest on late payments is at least three times the legal rate: raise it in the settings, or leave it empty.",
        ),
        "vat_in_euros_missing" => (
            "Une société en France dit sa TVA en euros : dans une autre monnaie, rien n'est facturé ici.",
            "A company in France says its VAT in euros: nothing is invoiced here in another currency.",
        ),
        "intra_community_deposit" => (
            "Un acompte sur des biens livrés sans TVA dans un autre État membre ne se facture pas : enregistrez le paiement seul.",
            "A deposit on goods that go to another member state without VAT is not invoiced: record the payment alone.",
        ),
        "intra_community_delivery_missing" => (
            "Une livraison sans TVA vers un autre État membre a sa date sur la facture : donnez la date de livraison, ou facturez après le départ.",
            "Goods that go to another member state without VAT have their day of delivery on the invoice: give it, or invoice once they have left.",
        ),
        "exceeds_order" => (
            "Les acomptes dépassent ce que vaut la commande : demandez moins.",
            "The deposits are more than the order comes to: ask for less.",
        ),
        "end_before_start" => (
            "La fin précède le début : choisissez une fin plus tardive.",
            "It ends before it begins: choose a later end.",
        ),
        "wrong_length" => ("Il en faut au moins une ligne.", "At least one line is needed."),
        "mixes_not_subject" => (
            "Ce qui n'est pas soumis à la TVA ne va pas avec le reste : faites deux factures.",
            "What is not subject to VAT does not go with the rest: make two invoices.",
        ),
        "several_reasons" => (
            "Une même catégorie de TVA a plusieurs motifs : donnez le même partout, ou faites deux factures.",
            "One category of VAT has several reasons: give the same everywhere, or make two invoices.",
        ),
        "negative_line" => (
            "La remise dépasse le prix de la ligne : réduisez-la.",
            "The discount is more than the price of the line: make it smaller.",
        ),
        "negative_total" => (
            "Le total serait négatif : réduisez les remises ou les acomptes.",
            "The total would be less than zero: take off less.",
        ),
        "exemption_missing" => (
            "À 0 %, la facture doit dire pourquoi : donnez le motif d'exonération, avec l'article de loi.",
            "At 0 %, the invoice must say why: give the reason, with the article of the law.",
        ),
        "not_a_rate" | "unknown_vat" => (
            "Ce n'est pas un taux de TVA en vigueur à cette date : prenez-en un autre.",
            "This is no rate of VAT in force on that day: take another one.",
        ),
        "vat_does_not_fit" => (
            "Cette catégorie de TVA ne va pas avec ce taux : changez l'un ou l'autre.",
            "This category of VAT does not go with this rate: change one of them.",
        ),
        "vat_number_of_sellers_country" => (
            "Le numéro de TVA du client ne convient pas à cette vente : corrigez-le dans la fiche du client.",
            "The customer's VAT number does not fit this sale: correct it in the customer's record.",
        ),
        "leaves_from_elsewhere" | "rate_at_destination" | "service_to_special_territory" => (
            "La règle de TVA ne se décide pas pour cette destination : choisissez la catégorie et son motif.",
            "The rule of VAT does not decide this destination: choose the category and its reason.",
        ),
        "seller_address_missing" => (
            "L'adresse de votre société manque : donnez-la dans les réglages.",
            "Your company's address is missing: give it in the settings.",
        ),
        "seller_vat_number_missing" => (
            "Le numéro de TVA de votre société manque : donnez-le dans les réglages.",
            "Your company's VAT number is missing: give it in the settings.",
        ),
        "seller_siren_missing" | "siren_missing" => (
            "Le SIREN de votre société manque : donnez-le dans les réglages.",
            "Your company's SIREN is missing: give it in the settings.",
        ),
        "legal_form_missing" => (
            "La forme juridique de votre société manque : donnez-la dans les réglages.",
            "Your company's legal form is missing: give it in the settings.",
        ),
        "trade_register_missing" => (
            "Le registre du commerce de votre société manque : donnez-le dans les réglages.",
            "Your company's trade register is missing: give it in the settings.",
        ),
        "customer_address_missing" => (
            "L'adresse de facturation du client manque : donnez-la dans sa fiche.",
            "The customer's billing address is missing: give it in the customer's record.",
        ),
        "customer_kind_missing" => (
            "Il faut savoir si le client est une entreprise ou un particulier : dites-le dans sa fiche.",
            "It must be known whether the customer is a business or a consumer: say it in the customer's record.",
        ),
        "customer_siren_missing" => (
            "Le SIREN du client manque : donnez-le dans sa fiche.",
            "The customer's SIREN is missing: give it in the customer's record.",
        ),
        "unknown_order" | "unknown_line" | "order_not_found" | "shipment_not_found" => (
            "Il n'y en a pas de tel : vérifiez ce que vous avez donné.",
            "There is no such one: check what you gave.",
        ),
        "unknown_deposit" | "deposit_not_paid" => (
            "Un acompte se déduit une fois payé en entier : retirez-le, ou attendez son paiement.",
            "A deposit is taken off once it is paid whole: leave it out, or wait for its payment.",
        ),
        "deposit_taken" => (
            "Cet acompte est déjà déduit d'une autre facture.",
            "This deposit is taken off by another invoice already.",
        ),
        "takes_deposit_off" => (
            "Cette ligne déduit un acompte : elle ne se rend pas seule.",
            "This line takes a deposit off: it is not given back alone.",
        ),
        "invoice_state_conflict" => (
            "L'état de la facture a changé, ou ne le permet pas : rechargez la page.",
            "The state of the invoice has changed, or does not allow it: load the page again.",
        ),
        "invoice_exceeds_shipped" => (
            "Rien n'est facturé deux fois, ni avant d'être parti : réduisez la quantité.",
            "Nothing is invoiced twice, nor before it has left: make the quantity smaller.",
        ),
        "exceeds_invoice" => (
            "Un avoir ne rend pas plus que ce qui reste de la facture : réduisez.",
            "A credit note never gives back more than is left of the invoice: give back less.",
        ),
        "nothing_to_credit" => {
            ("Tout a déjà été rendu de cette facture.", "All of this invoice has been given back already.")
        }
        "nothing_to_invoice" => {
            ("Rien n'est parti qui ne soit déjà facturé.", "Nothing has left that is not invoiced already.")
        }
        "invoice_not_validated" | "not_validated" => (
            "La facture n'a pas encore de numéro : validez-la d'abord.",
            "The invoice has no number yet: validate it first.",
        ),
        "sending_under_way" => ("Son envoi est déjà en cours.", "It is being sent already."),
        "channel_is_download" => (
            "Ce client vient chercher ses factures : téléchargez le document et notez la remise.",
            "This customer fetches its invoices: download the document and note that it has it.",
        ),
        "exceeds_open" => (
            "C'est plus que ce qui reste à payer de cette facture : réduisez.",
            "This is more than is still to be paid of this invoice: make it smaller.",
        ),
        "exceeds_payment" => (
            "La répartition dépasse le montant reçu : réduisez un montant.",
            "What it is to pay comes to more than was received: make an amount smaller.",
        ),
        "nothing_open" => {
            ("Rien ne reste à payer de cette facture.", "Nothing is to be paid of this invoice any more.")
        }
        "named_twice" => ("Elle est nommée deux fois : retirez-en une.", "It is named twice: take one away."),
        "payment_reversed" => (
            "Ce paiement est déjà annulé, ou en annule un autre.",
            "This payment has been reversed already, or reverses another one.",
        ),
        "payment_exceeds_open" => (
            "C'est plus que ce qui reste à payer : réduisez un montant.",
            "This is more than is still to be paid: make an amount smaller.",
        ),
        "no_credit" => ("Ce client n'a plus d'avoir ni de trop-perçu.", "This customer has no credit left."),
        "not_a_month" => ("Choisissez un mois.", "Choose a month."),
        "not_an_account" => (
            "Un compte commence par trois chiffres, puis des chiffres et des capitales, 20 au plus : 707100.",
            "An account begins with three digits, then digits and capital letters, at most 20: 707100.",
        ),
        "not_of_vat" => (
            "Ce compte ne dépend pas de la TVA : laissez la catégorie et le taux vides.",
            "This account does not depend on VAT: leave category and rate empty.",
        ),
        "not_in_euros" => {
            ("L'export comptable est en euros seulement.", "The accounting export is in euros only.")
        }
        _ => return None,
    };
    Some(said)
}
