//! Invoices of every kind, with amounts that are computed here once more, in whole cents.

use bigdecimal::{BigDecimal, RoundingMode};
use chrono::NaiveDate;
use comptoir_documents::*;

pub(crate) fn number(text: &str) -> BigDecimal {
    text.parse().unwrap()
}

fn cents(value: &BigDecimal) -> BigDecimal {
    value.with_scale_round(2, RoundingMode::HalfUp)
}

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn id(scheme: &str, value: &str) -> Identifier {
    Identifier { scheme: Some(scheme.to_owned()), value: value.to_owned() }
}

pub(crate) fn vat(category: Category, rate: &str) -> Vat {
    Vat { category, rate: (category != Category::O).then(|| number(rate)) }
}

pub(crate) fn address(line: &str, post_code: &str, city: &str, country: &str) -> Address {
    Address {
        line1: Some(line.to_owned()),
        post_code: Some(post_code.to_owned()),
        city: Some(city.to_owned()),
        country: country.to_owned(),
        ..Address::default()
    }
}

pub(crate) fn french_seller() -> Party {
    Party {
        name: "Ateliers du Ponant".to_owned(),
        legal_form: Some("SAS".to_owned()),
        capital: Some(Capital { amount: number("150000"), currency: "EUR".to_owned() }),
        register: Some("RCS Nantes".to_owned()),
        legal_id: Some(id("0002", "732829320")),
        identifiers: vec![id("0009", "73282932000074")],
        vat_number: Some("FR44732829320".to_owned()),
        address: address("12 quai de la Fosse", "44000", "Nantes", "FR"),
        electronic_address: Some(id("0225", "732829320")),
        contact: Some(Contact {
            name: None,
            phone: Some("+33 2 40 00 00 00".to_owned()),
            email: Some("compta@ponant.example".to_owned()),
        }),
        ..Party::default()
    }
}

pub(crate) fn french_buyer() -> Party {
    Party {
        name: "Librairie des Deux Rives SARL".to_owned(),
        legal_id: Some(id("0002", "552100554")),
        identifiers: vec![id("0009", "55210055400013")],
        vat_number: Some("FR27552100554".to_owned()),
        address: Address {
            line2: Some("Bâtiment C".to_owned()),
            ..address("8 rue de l’Hôtel-de-Ville", "69002", "Lyon", "FR")
        },
        electronic_address: Some(id("0225", "552100554")),
        ..Party::default()
    }
}

pub(crate) fn german_buyer() -> Party {
    Party {
        name: "Größe & Söhne GmbH".to_owned(),
        vat_number: Some("DE123456788".to_owned()),
        address: address("Königstraße 5", "70173", "Stuttgart", "DE"),
        electronic_address: Some(id("EM", "rechnung@groesse.example")),
        ..Party::default()
    }
}

pub(crate) fn line(position: usize, name: &str, quantity: &str, price: &str, vat: Vat) -> Line {
    Line {
        position: position.to_string(),
        sku: Some(format!("ART-{:04}", 1000 + position)),
        gtin: None,
        name: name.to_owned(),
        description: None,
        period: None,
        quantity: number(quantity),
        unit: Unit { code: "C62".to_owned(), name: "pièce".to_owned() },
        unit_price: number(price),
        adjustments: vec![],
        net: number("0"),
        vat,
    }
}

pub(crate) fn discount(reason: &str, percent: &str, base: &str) -> Adjustment {
    Adjustment {
        kind: AdjustmentKind::Discount,
        reason: reason.to_owned(),
        reason_code: Some("95".to_owned()),
        percent: Some(number(percent)),
        base: Some(number(base)),
        amount: cents(&(number(base) * number(percent) / 100)),
    }
}

pub(crate) fn charge(reason: &str, amount: &str) -> Adjustment {
    Adjustment {
        kind: AdjustmentKind::Charge,
        reason: reason.to_owned(),
        reason_code: Some("FC".to_owned()),
        percent: None,
        base: None,
        amount: number(amount),
    }
}

/// A French invoice to a French business, with everything that the law wants; [`total`] makes its sums.
pub(crate) fn invoice(lines: Vec<Line>) -> Invoice {
    Invoice {
        language: Language::Fr,
        kind: Kind::Invoice,
        number: "FA-2026-00042".to_owned(),
        issue_date: day("2026-11-30"),
        due_date: Some(day("2026-12-30")),
        currency: "EUR".to_owned(),
        operations: Operations::Goods,
        treatment: Some(Treatment::Business),
        vat_due: None,
        seller: french_seller(),
        buyer: french_buyer(),
        delivery: Some(Delivery { date: Some(day("2026-11-27")), name: None, address: None }),
        period: None,
        references: References {
            buyer_order: Some("BC 7741".to_owned()),
            order: Some("CO-2026-00318".to_owned()),
            shipment: Some("BL-2026-00290".to_owned()),
            ..References::default()
        },
        lines,
        adjustments: vec![],
        vat: vec![],
        totals: Totals {
            lines: number("0"),
            discounts: None,
            charges: None,
            net: number("0"),
            vat: number("0"),
            vat_accounted: None,
            gross: number("0"),
            prepaid: None,
            rounding: None,
            due: number("0"),
        },
        prepayments: vec![],
        terms: Terms {
            text: Some("30 jours nets à réception de la facture".to_owned()),
            late_payment_rate: Some(number("12.15")),
            recovery_fee: Some(number("40")),
            early_payment: Some(EarlyPayment::None),
        },
        payment: Some(Payment {
            means: "58".to_owned(),
            text: Some("Virement SEPA".to_owned()),
            reference: Some("FA-2026-00042".to_owned()),
            accounts: vec![Account {
                iban: "FR7630006000011234567890189".to_owned(),
                bic: Some("AGRIFRPP".to_owned()),
                holder: Some("Ateliers du Ponant".to_owned()),
                bank: Some("Crédit Agricole".to_owned()),
            }],
        }),
        mentions: vec![],
        style: Style { logo: None, accent: Some("#1f4e79".to_owned()), footer: None },
    }
}

/// Fills in what follows from the lines.
pub(crate) fn total(mut invoice: Invoice) -> Invoice {
    let signed = |adjustment: &Adjustment| match adjustment.kind {
        AdjustmentKind::Discount => -adjustment.amount.clone(),
        AdjustmentKind::Charge => adjustment.amount.clone(),
    };
    for line in &mut invoice.lines {
        let on: BigDecimal = line.adjustments.iter().map(signed).sum();
        line.net = cents(&(&line.quantity * &line.unit_price)) + on;
    }
    let mut groups: Vec<VatGroup> = Vec::new();
    let nets = invoice.lines.iter().map(|line| (line.vat.clone(), line.net.clone()));
    let on = invoice.adjustments.iter().map(|on| (on.vat.clone(), signed(&on.adjustment)));
    for (vat, amount) in nets.chain(on) {
        match groups.iter_mut().find(|group| group.vat == vat) {
            Some(group) => group.base += amount,
            None => {
                let (reason, reason_code) = why(vat.category);
                groups.push(VatGroup { vat, base: amount, tax: number("0"), reason, reason_code });
            }
        }
    }
    for group in &mut groups {
        group.tax = cents(&(&group.base * group.vat.rate.clone().unwrap_or_default() / 100));
    }
    let of = |kind: AdjustmentKind| {
        let all: Vec<_> = invoice
            .adjustments
            .iter()
            .filter(|on| on.adjustment.kind == kind)
            .map(|on| on.adjustment.amount.clone())
            .collect();
        (!all.is_empty()).then(|| all.iter().sum::<BigDecimal>())
    };
    let totals = &mut invoice.totals;
    totals.lines = invoice.lines.iter().map(|line| &line.net).sum();
    totals.discounts = of(AdjustmentKind::Discount);
    totals.charges = of(AdjustmentKind::Charge);
    totals.net = groups.iter().map(|group| &group.base).sum();
    totals.vat = groups.iter().map(|group| &group.tax).sum();
    totals.gross = &totals.net + &totals.vat;
    if !invoice.prepayments.is_empty() {
        totals.prepaid = Some(invoice.prepayments.iter().map(|paid| &paid.amount).sum());
    }
    totals.due = &totals.gross - totals.prepaid.clone().unwrap_or_default()
        + totals.rounding.clone().unwrap_or_default();
    invoice.vat = groups;
    invoice
}

fn why(category: Category) -> (Option<String>, Option<String>) {
    let (reason, code) = match category {
        Category::S | Category::Z => return (None, None),
        Category::E => ("Exonération de TVA, article 261-4-4° du CGI", "VATEX-EU-132-1I"),
        Category::AE => ("Autoliquidation, article 283-2 du CGI", "VATEX-EU-AE"),
        Category::K => ("Exonération de TVA, article 262 ter I du CGI", "VATEX-EU-IC"),
        Category::G => ("Exonération de TVA, article 262 I du CGI", "VATEX-EU-G"),
        Category::O => ("TVA non applicable, article 259-1 du CGI", "VATEX-EU-O"),
    };
    (Some(reason.to_owned()), Some(code.to_owned()))
}

pub(crate) fn s20() -> Vat {
    vat(Category::S, "20")
}

/// A few lines, two rates, a discount on a line, one on the document, freight.
pub(crate) fn short() -> Invoice {
    let mut lines = vec![
        line(1, "Étagère murale en chêne massif, 120 cm", "4", "129.90", s20()),
        line(2, "Lampe de lecture à pince", "12.5", "24.105", s20()),
        line(3, "Guide « Aménager sa librairie », édition 2026", "10", "18.95", vat(Category::S, "5.5")),
        line(4, "Câble électrique 3G1,5 au mètre", "37.125", "1.2345", s20()),
    ];
    lines[0].description = Some("Finition huilée, fixations invisibles, charge admissible 35 kg".to_owned());
    lines[1].adjustments = vec![discount("Remise quantité", "5", "301.31")];
    lines[3].unit = Unit { code: "MTR".to_owned(), name: "mètre".to_owned() };
    lines[2].gtin = Some("9782070360024".to_owned());
    let mut invoice = invoice(lines);
    invoice.adjustments = vec![
        DocumentAdjustment { adjustment: discount("Remise fidélité", "2", "500.00"), vat: s20() },
        DocumentAdjustment { adjustment: charge("Frais de port", "18.50"), vat: s20() },
    ];
    invoice.style.logo = Some(logo());
    invoice.style.footer =
        Some("Ateliers du Ponant – www.ponant.example – Service clients : +33 2 40 00 00 01".to_owned());
    total(invoice)
}

/// As many lines as are wanted, with all that numbers and names may be.
pub(crate) fn long(lines: usize) -> Invoice {
    let names = [
        "Vis à bois tête fraisée 4 × 40 mm, boîte de 200",
        "Panneau contreplaqué okoumé 15 mm",
        "Quincaillerie diverse pour le montage complet d’un meuble sur mesure, selon devis accepté, y compris accessoires",
        "Colle",
        "Peinture acrylique mate blanc cassé, pot de 10 litres, faible émission de COV",
    ];
    let lines = (1..=lines)
        .map(|at| {
            let mut line = line(
                at,
                names[at % names.len()],
                ["3", "120", "0.5", "1250.75", "7.3333"][at % 5],
                ["4.99", "1250.00", "0.0325", "18.5", "99.999999"][at * 3 % 5],
                [s20(), s20(), vat(Category::S, "10")][at % 3].clone(),
            );
            if at % 11 == 0 {
                line.description = Some("Livré en deux fois.\nNuméro de lot sur l’emballage.".to_owned());
            }
            line
        })
        .collect();
    let mut invoice = invoice(lines);
    invoice.delivery = None;
    invoice.period = Some(Period { start: day("2026-11-01"), end: day("2026-11-30") });
    invoice.style.accent = Some("#0b6e4f".to_owned());
    total(invoice)
}

pub(crate) fn credit_note() -> Invoice {
    let mut invoice =
        invoice(vec![line(1, "Étagère murale en chêne massif, 120 cm – retour", "1", "129.90", s20())]);
    invoice.kind = Kind::CreditNote;
    invoice.number = "AV-2026-00007".to_owned();
    invoice.due_date = None;
    invoice.references.preceding =
        vec![Preceding { kind: None, number: "FA-2026-00042".to_owned(), issue_date: day("2026-11-30") }];
    invoice.issue_date = day("2026-12-04");
    invoice.mentions = vec![Mention {
        subject: None,
        text: "Marchandise reprise le 2 décembre 2026, remise en stock.".to_owned(),
    }];
    invoice.terms.text = Some("À déduire de votre prochain règlement".to_owned());
    total(invoice)
}

pub(crate) fn deposit() -> Invoice {
    let mut invoice =
        invoice(vec![line(1, "Acompte de 30 % sur la commande CO-2026-00318", "1", "1500.00", s20())]);
    invoice.kind = Kind::Prepayment;
    invoice.number = "FA-2026-00031".to_owned();
    invoice.issue_date = day("2026-10-05");
    invoice.due_date = Some(day("2026-10-05"));
    total(invoice)
}

pub(crate) fn after_deposits() -> Invoice {
    let taken = |at: usize, name: &str, net: &str| {
        let mut line = line(at, name, "-1", net, s20());
        line.sku = None;
        line
    };
    let mut invoice = invoice(vec![
        line(1, "Agencement de librairie sur mesure", "1", "5000.00", s20()),
        taken(2, "Acompte déduit, facture FA-2026-00031 du 5 octobre 2026", "1500.00"),
        taken(3, "Acompte déduit, facture FA-2026-00036 du 2 novembre 2026", "500.00"),
    ]);
    let deposit = |number: &str, on: &str| Preceding {
        kind: Some(Kind::Prepayment),
        number: number.to_owned(),
        issue_date: day(on),
    };
    invoice.references.preceding =
        vec![deposit("FA-2026-00031", "2026-10-05"), deposit("FA-2026-00036", "2026-11-02")];
    total(invoice)
}

/// Two payments came before the invoice.
pub(crate) fn paid_in_part() -> Invoice {
    let mut invoice = invoice(vec![line(1, "Agencement de librairie sur mesure", "1", "5000.00", s20())]);
    let paid = |on: &str, net: &str, vat: &str, amount: &str| Prepayment {
        date: day(on),
        net: Some(number(net)),
        vat: Some(number(vat)),
        amount: number(amount),
    };
    invoice.prepayments = vec![
        paid("2026-10-05", "1500.00", "300.00", "1800.00"),
        paid("2026-11-02", "500.00", "100.00", "600.00"),
    ];
    total(invoice)
}

/// Invoice in English to a business in another member state: reverse charge.
pub(crate) fn reverse_charge() -> Invoice {
    let mut line =
        line(1, "Interior design study for a flagship bookshop", "18", "110.00", vat(Category::AE, "0"));
    line.unit = Unit { code: "HUR".to_owned(), name: "hour".to_owned() };
    let mut invoice = invoice(vec![line]);
    invoice.language = Language::En;
    invoice.operations = Operations::Services;
    invoice.treatment = Some(Treatment::ForeignBusiness);
    invoice.buyer = german_buyer();
    invoice.references = References { buyer_order: Some("PO 4711".to_owned()), ..References::default() };
    invoice.terms.text = Some("30 days net".to_owned());
    if let Some(payment) = &mut invoice.payment {
        payment.text = Some("SEPA transfer".to_owned());
    }
    total(invoice)
}

/// A PNG with transparency: three bars on nothing.
pub(crate) fn logo() -> Vec<u8> {
    let (width, height) = (360_usize, 120_usize);
    let mut pixels = vec![0_u8; width * height * 4];
    for y in 0..height {
        for x in 0..width {
            let bar = x * 3 / width;
            if y > bar * 30 && x % (width / 3) < width / 3 - 14 {
                let at = (y * width + x) * 4;
                pixels[at..at + 4].copy_from_slice(&[31, 78, 121 + 40 * u8::try_from(bar).unwrap(), 255]);
            }
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}

/// Names, numbers and texts as long and as odd as they may be.
pub(crate) fn odd() -> Invoice {
    let mut lines = vec![
        line(
            1,
            &"Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(3),
            "123456789.1234",
            "12345.678901",
            s20(),
        ),
        line(
            2,
            "Œuvre – « œillet » & <b>gras</b> ; l’été 'vingt' \"deux\" ½ × 3 − 2 ≤ 5 € Ελληνικά Кириллица Łódź e\u{301}",
            "0.0001",
            "0.01",
            s20(),
        ),
        line(3, &"mot ".repeat(60), "-2", "19.99", s20()),
    ];
    lines[0].unit.name = "unité de conditionnement par palette".to_owned();
    lines[0].position = "1.2.3-A".to_owned();
    lines[1].description = Some("Une description qui n’en finit pas. ".repeat(130).trim().to_owned());
    lines[1].adjustments = (0..10)
        .map(|at| {
            charge(&format!("Supplément n° {at} pour manutention délicate et emballage renforcé"), "0.10")
        })
        .collect();
    let mut invoice = invoice(lines);
    invoice.number = "W".repeat(35);
    invoice.seller.name =
        "Société coopérative ouvrière de production d’ébénisterie et d’agencement des Pays de la Loire"
            .to_owned();
    invoice.buyer.name = "Établissement public d’aménagement et de restructuration des espaces commerciaux et artisanaux de l’agglomération".to_owned();
    invoice.buyer.trading_name = Some("W".repeat(250));
    invoice.buyer.address.line2 = Some(
        "Zone d’activités concertées des Trois-Fontaines-l’Évêque, bâtiment Ampère, escalier 4".to_owned(),
    );
    invoice.delivery = Some(Delivery {
        date: Some(day("2026-11-27")),
        name: Some("Entrepôt logistique mutualisé n° 12".to_owned()),
        address: Some(address(
            "Quai 7, porte 143, avenue de la République prolongée",
            "59777",
            "Euralille",
            "FR",
        )),
    });
    invoice.references.project =
        Some("Projet « Bibliothèques pour tous », tranche conditionnelle n° 3, lot 12 bis".to_owned());
    invoice.adjustments = (0..50)
        .map(|at| DocumentAdjustment {
            adjustment: discount(&format!("Remise de la campagne n° {at}"), "1", "1.00"),
            vat: s20(),
        })
        .collect();
    invoice.mentions = vec![Mention {
        subject: None,
        text: "Une mention qui court sur plusieurs lignes. ".repeat(100).trim().to_owned(),
    }];
    invoice.style.accent = Some("#ffd400".to_owned());
    total(invoice)
}

fn services(mut invoice: Invoice) -> Invoice {
    invoice.operations = Operations::Services;
    invoice.references.shipment = None;
    invoice
}

fn one(name: &str, vat: Vat) -> Invoice {
    invoice(vec![line(1, name, "3", "33.335", vat)])
}

fn german_seller() -> Party {
    Party {
        name: "Holzwerk Süd GmbH".to_owned(),
        legal_form: Some("GmbH".to_owned()),
        capital: Some(Capital { amount: number("25000.50"), currency: "EUR".to_owned() }),
        register: Some("Amtsgericht Stuttgart".to_owned()),
        legal_id: Some(Identifier { scheme: None, value: "HRB 123456".to_owned() }),
        vat_number: Some("DE811907980".to_owned()),
        address: address("Waldweg 3", "72070", "Tübingen", "DE"),
        electronic_address: Some(id("EM", "invoice@holzwerk.example")),
        ..Party::default()
    }
}

fn abroad(mut invoice: Invoice, language: Language) -> Invoice {
    invoice.language = language;
    invoice.treatment = Some(Treatment::ForeignBusiness);
    invoice.buyer = german_buyer();
    let address = Some(invoice.buyer.address.clone());
    invoice.delivery = Some(Delivery { date: Some(day("2026-11-27")), name: None, address });
    invoice
}

fn consumer(mut invoice: Invoice) -> Invoice {
    invoice.treatment = Some(Treatment::Consumer);
    invoice.buyer = Party {
        name: "Élodie N’Guyen-Lefèvre".to_owned(),
        address: address("27 rue des Lilas", "35000", "Rennes", "FR"),
        ..Party::default()
    };
    invoice
}

/// A dozen that stand for all.
pub(crate) fn dozen() -> Vec<(&'static str, Invoice)> {
    let mut intra_community = abroad(one("Bücherregal Eiche", vat(Category::K, "0")), Language::En);
    intra_community.treatment = Some(Treatment::ForeignBusiness);
    let mut export = abroad(one("Bookshelf, oak", vat(Category::G, "0")), Language::En);
    export.buyer.vat_number = None;
    export.buyer.address = address("1 Harbour Road", "BT1 3LX", "Belfast", "GB");
    export.delivery = Some(Delivery {
        date: Some(day("2026-11-27")),
        name: None,
        address: Some(export.buyer.address.clone()),
    });
    vec![
        ("short", short()),
        ("one-line", total(one("Étagère", s20()))),
        ("two-pages", long(20)),
        ("credit-note", credit_note()),
        ("deposit", deposit()),
        ("after-deposits", after_deposits()),
        ("reverse-charge", reverse_charge()),
        ("intra-community", total(intra_community)),
        ("export", total(export)),
        ("exempt", total(services(one("Formation professionnelle", vat(Category::E, "0"))))),
        ("consumer", total(consumer(one("Lampe", s20())))),
        ("odd", odd()),
    ]
}

/// The others.
pub(crate) fn rest() -> Vec<(&'static str, Invoice)> {
    let mut zero = one("Product at zero rate", vat(Category::Z, "0"));
    zero.seller = german_seller();
    zero.treatment = None;
    zero.language = Language::En;

    let mut outside = abroad(services(one("Conseil", vat(Category::O, "0"))), Language::Fr);
    outside.treatment = Some(Treatment::ForeignConsumer);
    // BR-O-02: nobody's VAT number is on an invoice that is outside the scope of VAT.
    outside.seller.vat_number = None;
    outside.seller.tax_number = None;
    outside.buyer.vat_number = None;

    let mut foreign = one("Regal", vat(Category::S, "19"));
    foreign.seller = german_seller();
    foreign.buyer = german_buyer();
    foreign.treatment = None;
    foreign.language = Language::En;
    foreign.terms = Terms { text: Some("14 days net".to_owned()), ..Terms::default() };

    let mut dollars = abroad(one("Shelf", s20()), Language::En);
    dollars.currency = "USD".to_owned();
    let mut dollars = total(dollars);
    dollars.totals.vat_accounted = Some(VatAccounted { currency: "EUR".to_owned(), amount: number("18.52") });

    let mut paid = one("Lampe", s20());
    paid.prepayments =
        vec![Prepayment { date: day("2026-11-30"), net: None, vat: None, amount: number("120.01") }];
    paid.due_date = Some(day("2026-11-30"));
    if let Some(payment) = &mut paid.payment {
        *payment = Payment {
            means: "48".to_owned(),
            text: Some("Carte bancaire".to_owned()),
            reference: None,
            accounts: vec![],
        };
    }

    let mut debits = services(one("Maintenance annuelle", s20()));
    debits.vat_due = Some(VatDue::OnInvoice);
    debits.period = Some(Period { start: day("2026-01-01"), end: day("2026-12-31") });
    debits.lines[0].period = debits.period;
    let mut receipts = services(one("Conseil", s20()));
    receipts.vat_due = Some(VatDue::OnPayment);

    let mut rounded = one("Lampe", s20());
    rounded.totals.rounding = Some(number("-0.01"));

    let mut mixed = invoice(vec![
        line(1, "Étagère", "2", "100.00", s20()),
        line(2, "Livre", "2", "19.90", vat(Category::S, "5.5")),
        line(3, "Presse", "1", "4.50", vat(Category::S, "2.1")),
        line(4, "Repas", "1", "15.00", vat(Category::S, "10")),
        line(5, "Formation", "1", "300.00", vat(Category::E, "0")),
        line(6, "Pose à La Réunion", "1", "200.00", vat(Category::S, "8.5")),
        line(7, "Reprise d’une étagère", "-1", "50.00", s20()),
    ]);
    mixed.operations = Operations::Mixed;
    mixed.adjustments = vec![
        DocumentAdjustment { adjustment: discount("Remise", "10", "35.00"), vat: vat(Category::S, "5.5") },
        DocumentAdjustment { adjustment: charge("Frais de dossier", "12.00"), vat: vat(Category::E, "0") },
    ];
    mixed.lines[0].adjustments = vec![discount("Remise", "3.3333", "200.00"), charge("Emballage", "4.00")];

    let mut credited = credit_note();
    credited.references.preceding.push(Preceding {
        kind: None,
        number: "FA-2026-00040".to_owned(),
        issue_date: day("2026-11-20"),
    });
    credited.references.preceding.push(Preceding {
        kind: None,
        number: "FA-2026-00041".to_owned(),
        issue_date: day("2026-11-25"),
    });

    let mut overpaid = paid_in_part();
    overpaid.prepayments[1].amount = number("4800.00");
    overpaid.prepayments[1].net = Some(number("4000.00"));
    overpaid.prepayments[1].vat = Some(number("800.00"));

    let mut accounts = one("Étagère", s20());
    accounts.mentions = vec![
        Mention {
            subject: Some("AAI".to_owned()),
            text: "Réserve de propriété : les marchandises restent la propriété du vendeur.".to_owned(),
        },
        Mention {
            subject: Some("REG".to_owned()),
            text: "Garantie décennale : MAAF, France.\nDeuxième ligne.".to_owned(),
        },
        Mention {
            subject: Some("PMD".to_owned()),
            text: "Pénalités : trois fois le taux d’intérêt légal.".to_owned(),
        },
    ];
    accounts.terms.early_payment =
        Some(EarlyPayment::Discount("Escompte de 2 % pour paiement sous 8 jours.".to_owned()));
    if let Some(payment) = &mut accounts.payment {
        let second =
            Account { iban: "DE89370400440532013000".to_owned(), bic: None, holder: None, bank: None };
        payment.accounts.push(second);
    }

    let mut half_cents = invoice((1..=25).map(|at| line(at, "Vis", "1", "0.125", s20())).collect());
    half_cents.lines.push(line(26, "Vis reprise", "-1", "0.125", s20()));

    let mut deposits = paid_in_part();
    let again = deposits.prepayments[1].clone();
    deposits.prepayments = (0..50)
        .map(|_| Prepayment {
            net: Some(number("10.00")),
            vat: Some(number("2.00")),
            amount: number("12.00"),
            ..again.clone()
        })
        .collect();

    let mut english = long(60);
    english.language = Language::En;
    vec![
        ("zero-rate", total(zero)),
        ("outside-scope", total(outside)),
        ("german-seller", total(foreign)),
        ("dollars", dollars),
        ("paid", total(paid)),
        ("debits", total(debits)),
        ("receipts", total(receipts)),
        ("rounded", total(rounded)),
        ("mixed", total(mixed)),
        ("credit-of-three", credited),
        ("overpaid", total(overpaid)),
        ("accounts", total(accounts)),
        ("half-cents", total(half_cents)),
        ("fifty-deposits", total(deposits)),
        ("english", total(english)),
        ("long", long(200)),
        ("very-long", long(1_000)),
    ]
}
